import { LIMITS } from '../../model/limits.ts';

/** `http` is for a program on the same machine, which no certificate could be for (RFC 8252 §7.3). */
const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(\/[^#]*)?$/;
const HTTPS = /^https:\/\/(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?(?:[/?][^#\\]*)?$/;
/** A scheme that a program has for itself (RFC 8252 §7.1): with a dot in it, as that of nobody else has, or MSAL's. */
const OWN_SCHEME = /^(?:[a-z][a-z0-9+-]*\.[a-z0-9.+-]+|msal[a-z0-9-]+|msauth[a-z0-9.-]*):\/\/?[^#]*$/;
const VISIBLE = /^[\x21-\x7e]+$/;

/** Whether an application may be registered to be sent back there. Nothing that runs in a page (`javascript:`, `data:`) is among them. */
export function isRedirectUri(text: string): boolean {
  if (text.length > LIMITS.redirectUriCharacters || !VISIBLE.test(text) || !URL.canParse(text)) return false;
  return LOOPBACK.test(text) || HTTPS.test(text) || OWN_SCHEME.test(text);
}

/**
 * Whether an address is one of those registered, letter for letter (RFC 9700 §2.1). Of a program on the same machine the port is left out,
 * for it takes whichever is free (RFC 8252 §7.3).
 */
export function isRegistered(redirectUri: string, registered: readonly string[], anyLoopbackPort: boolean): boolean {
  if (!isRedirectUri(redirectUri)) return false;
  if (registered.includes(redirectUri)) return true;
  const asked = anyLoopbackPort ? withoutPort(redirectUri) : undefined;
  return asked !== undefined && registered.some((each) => withoutPort(each) === asked);
}

function withoutPort(uri: string): string | undefined {
  const [, host, path = '/'] = LOOPBACK.exec(uri) ?? [];
  return host === undefined ? undefined : `${host}${path}`;
}
