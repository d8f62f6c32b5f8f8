import { StrongroomError } from '../../src/model/errors.ts';
import { RETURN_VALUE } from '../../src/pkcs11/return_value.ts';
import { openTestToken } from '../fixtures/softhsm_token.ts';
import { readCallLog } from '../shim/call_log.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';
import { campaign } from './campaign.ts';

/** As few as real devices have. */
const TRIES = 3;
const AT_ONCE = 2;

/* A service that is restarted over and over with a wrong PIN, as systemd does it, would lock the token within seconds. */
campaign('wrong_pin', async (t, run) => {
  const token = await openTestToken();
  t.teardown(() => token.close());
  const rules = new FaultRules(token.directory);
  await rules.set(`pin ${TRIES}`, 'log');
  const module = { module: FAULT_MODULE, environment: { ...token.environment, ...rules.environment } };
  const pin = { value: Buffer.from('a wrong PIN') };
  const outcomes = new Map<string, number>();
  const restart = async (): Promise<void> => {
    const outcome = await token.openPool({ ...module, pin }).then(
      () => 'opened',
      (error: unknown) => (error instanceof StrongroomError ? (error.innerCode ?? error.code) : String(error)),
    );
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    run.done += 1;
  };
  await restart();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (run.done + AT_ONCE <= run.count) await restart();
    }),
  );
  while (run.done < run.count) await restart();
  t.deepEqual([...outcomes], [['PinRefused', run.count]]);
  const { logins, violations } = await readCallLog(`${rules.path}.log`);
  t.deepEqual([...logins], [[RETURN_VALUE.CKR_PIN_INCORRECT, 1]], 'one try, whatever the number of restarts');
  t.deepEqual(violations, []);
  const pool = await token.openPool(module);
  t.is(pool.status().state, 'ready', 'the right PIN is taken, for the token is not locked');
  run.measure(
    'tries that it took',
    [...logins.values()].reduce((sum, count) => sum + count, 0),
  );
});
