import { badParameter } from '../../model/errors.ts';

const EQUALS = 0x3d;

/**
 * Bytes of a base64url text (RFC 4648 §5). Padding is taken, because some clients send it (Azure API §1.13); `+` and `/`, white space and
 * bits set behind the last byte are not. Node's decoder skips over all of that, so the text must come out again as it went in.
 * @throws StrongroomError `BadParameter`; the text is not quoted, for it may be a secret.
 */
export function decodeBase64url(parameter: string, text: string): Buffer {
  const bare = text.charCodeAt(text.length - 1) === EQUALS ? withoutPadding(text) : text;
  const bytes = Buffer.from(bare, 'base64url');
  if (bytes.toString('base64url') === bare) return bytes;
  bytes.fill(0);
  throw badParameter(parameter, 'base64url (RFC 4648 §5)', Buffer.from(text, 'utf8'));
}

export function decodeOptional(parameter: string, text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : decodeBase64url(parameter, text);
}

/** The text without its padding, when that has the right length; the text as it is when not, which then does not decode. */
function withoutPadding(text: string): string {
  const bare = text.endsWith('==') ? text.slice(0, -2) : text.slice(0, -1);
  return text.length % 4 === 0 ? bare : text;
}

/** Without padding: some clients take it for data (Azure API §1.13). */
export function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}
