import type { Call } from '../route.ts';
import type { RandomBody } from '../wire/key_operation.ts';
import { bytesResult } from '../wire/key_operation_result.ts';

export async function random({ engine }: Call, body: RandomBody): Promise<string> {
  const bytes = await engine.randomBytes(body.count);
  try {
    return bytesResult(bytes);
  } finally {
    bytes.fill(0);
  }
}
