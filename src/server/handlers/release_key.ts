import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../route.ts';
import { type KeyReleaseBody, releaseResult, requireReleaseEncryption } from '../wire/key_release.ts';

/** To the environment that the attestation token speaks of, when the key's policy has it so. */
export async function releaseKey(
  { engine, key, authority, exchange, parts }: Call,
  body: KeyReleaseBody,
): Promise<string> {
  const encryption = requireReleaseEncryption(body.enc);
  const { value } = await engine.releaseKey({
    key,
    attestation: await parts.attestations.verify(body.target),
    encryption,
    nonce: body.nonce,
    apiVersion: String(exchange.target.query['api-version']),
    keyIdentifier: (name, version) => buildKeyIdentifier(authority, name, version),
  });
  return releaseResult(value);
}
