import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Objects of a whole set of pool keys: two secret keys and two pairs. */
export const POOL_KEY_OBJECTS = 6;

/** A file that SoftHSM had begun, when somebody was killed, and in which there is no object. */
const EMPTY_BYTES = 8;

/** How many objects are in a token that the server has made; the first is 1. */
export function objectsOfToken(dataDir: string, place = 1): number {
  const tokens = join(dataDir, place === 1 ? 'token' : `token_${place}`, 'tokens');
  if (!existsSync(tokens)) return 0;
  const files = readdirSync(tokens, { recursive: true }).map(String);
  return files.filter((name) => {
    if (!name.endsWith('.object') || name.endsWith('token.object')) return false;
    return (statSync(join(tokens, name), { throwIfNoEntry: false })?.size ?? 0) > EMPTY_BYTES;
  }).length;
}
