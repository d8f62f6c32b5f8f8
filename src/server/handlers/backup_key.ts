import type { Call } from '../route.ts';
import { bytesResult } from '../wire/key_operation_result.ts';

/** All versions, for this pool alone to bring back. */
export async function backupKey({ engine, key }: Call): Promise<string> {
  return bytesResult(await engine.backupKey(key.name));
}
