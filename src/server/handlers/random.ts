import type { Call } from '../routes.ts';
import type { RandomBody } from '../wire/key_operation.ts';
import { randomResult } from '../wire/key_operation_result.ts';

export async function random({ engine }: Call, body: RandomBody): Promise<string> {
  const bytes = await engine.randomBytes(body.count);
  try {
    return randomResult(bytes);
  } finally {
    bytes.fill(0);
  }
}
