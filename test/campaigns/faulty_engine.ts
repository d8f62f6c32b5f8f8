import { access } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import { openTestToken, type TestEngine, type TestEngineOptions, type TestToken } from '../fixtures/softhsm_token.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';

export interface FaultyEngine extends TestEngine {
  readonly token: TestToken;
  readonly rules: FaultRules;
}

/** An engine over a token of its own, with the fault module between them. It restarts hosts as often as it takes. */
export async function openFaultyEngine(
  t: ExecutionContext,
  pool: TestEngineOptions['pool'] = {},
  operationTimeoutMs = 10_000,
): Promise<FaultyEngine> {
  await access(FAULT_MODULE);
  const token = await openTestToken();
  t.teardown(() => token.close());
  const rules = new FaultRules(token.directory);
  const environment = { ...token.environment, ...rules.environment };
  const opened = await token.openEngine({
    operationTimeoutMs,
    pool: { module: FAULT_MODULE, environment, hosts: 2, restartsPerMinute: 1_000_000, ...pool },
  });
  return { ...opened, token, rules };
}
