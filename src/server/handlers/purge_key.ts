import type { Call } from '../route.ts';

/** For good. */
export async function purgeKey({ engine, key }: Call): Promise<string> {
  await engine.purgeKey(key.name);
  return '';
}
