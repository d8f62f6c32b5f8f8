import { hash } from 'node:crypto';

/** A GUID that follows from these words (RFC 9562 §5.8): always the same, and another one for all others. */
export function derivedGuid(...words: readonly string[]): string {
  const digest = hash('sha256', JSON.stringify(words), 'buffer');
  digest[6] = ((digest[6] as number) & 0x0f) | 0x80;
  digest[8] = ((digest[8] as number) & 0x3f) | 0x80;
  const hex = digest.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
