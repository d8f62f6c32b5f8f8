import test from 'ava';
import { LoadedKey } from '../../src/engine/loaded_key.ts';
import { OperationPlans } from '../../src/engine/operation_plans.ts';
import { ALGORITHMS, type AlgorithmName, type Realisation } from '../../src/model/algorithm.ts';
import type { HostToken } from '../../src/pool/hsm_host.ts';
import type { KeyVersionRecord } from '../../src/store/store.ts';
import { keyVersion } from '../store/store_records.ts';

const realisationsOf = (name: AlgorithmName): readonly Realisation[] => ALGORITHMS.get(name)?.realisations ?? [];

/** What plans ask of a pool, and nothing behind it. */
class PlannedPool {
  hasSeveralTokens = false;
  unsupported: AlgorithmName | undefined;
  /** Does everything in the last way that there is. */
  last = false;
  tell: () => void = () => undefined;

  realisation(name: AlgorithmName): Realisation | undefined {
    return name === this.unsupported ? undefined : realisationsOf(name).at(this.last ? -1 : 0);
  }

  onTokensChanged(listener: () => void): void {
    this.tell = listener;
  }
}

const p256 = (changes: Partial<KeyVersionRecord> = {}): LoadedKey => new LoadedKey(keyVersion(changes).record);
const opened = (): { pool: PlannedPool; plans: OperationPlans } => {
  const pool = new PlannedPool();
  return { pool, plans: new OperationPlans(pool) };
};

test('keys of a kind share a plan, and a key finds its own again', (t) => {
  const { plans } = opened();
  const key = p256();
  const plan = plans.planFor(key, 'sign', 'ES256');
  t.is(plan.algorithm.name, 'ES256');
  t.is(plan.signatureBytes, 64);
  t.is(key.findPlan('sign', 'ES256'), plan);
  t.is(plans.planFor(key, 'sign', 'ES256'), plan);
  t.is(plans.planFor(p256(), 'sign', 'ES256'), plan);
  t.not(plans.planFor(key, 'verify', 'ES256'), plan);
  t.is(plans.planFor(key, 'sign', 'ES256'), plan);
});

test('keys of other sizes, with dates or in one token alone have plans of their own', (t) => {
  const { pool, plans } = opened();
  const oct = (size: 128 | 256, changes: Partial<KeyVersionRecord> = {}): LoadedKey =>
    p256({ spec: { keyType: 'oct-HSM', size }, operations: ['encrypt', 'decrypt'], ...changes });
  const rsa = (size: 2048 | 4096): LoadedKey =>
    p256({ spec: { keyType: 'RSA-HSM', size, publicExponent: 65_537 }, operations: ['sign'] });
  t.is(plans.planFor(rsa(2048), 'sign', 'RS256').signatureBytes, 256);
  t.is(plans.planFor(rsa(4096), 'sign', 'RS256').signatureBytes, 512);
  t.false(plans.planFor(oct(256), 'encrypt', 'A256GCM').boundByDates);
  t.true(plans.planFor(oct(256, { expires: 1_900_000_000 }), 'encrypt', 'A256GCM').boundByDates);
  pool.hasSeveralTokens = true;
  pool.tell();
  const sets = ['a', 'b'].map(() => ({ realisations: new Set(realisationsOf('A256GCM')) }) as unknown as HostToken);
  const [a, b] = sets as [HostToken, HostToken];
  const homed = oct(256);
  homed.home = a;
  const plan = plans.planFor(homed, 'encrypt', 'A256GCM');
  t.deepEqual([plan.suits?.(a), plan.suits?.(b)], [true, false]);
  const anywhere = plans.planFor(oct(256), 'encrypt', 'A256GCM');
  t.deepEqual([anywhere.suits?.(a), anywhere.suits?.(b)], [true, true]);
});

test('what one key may do is no permission for another of its kind', (t) => {
  const { plans } = opened();
  plans.planFor(p256(), 'sign', 'ES256');
  t.throws(() => plans.planFor(p256({ operations: ['verify'] }), 'sign', 'ES256'), { code: 'Forbidden' });
  t.throws(() => plans.planFor(p256({ enabled: false }), 'sign', 'ES256'), { code: 'Forbidden' });
  t.throws(() => plans.planFor(p256(), 'sign', 'ES384'), { code: 'BadParameter' });
  t.throws(() => plans.planFor(p256(), 'encrypt', 'ES256'), { code: 'Forbidden' });
});

test('when the pool does an algorithm in another way, or not at all, it is planned anew', (t) => {
  const { pool, plans } = opened();
  const encrypt = (): Realisation =>
    plans.planFor(p256({ spec: RSA, operations: ['encrypt'] }), 'encrypt', 'RSA-OAEP-256').realisation;
  const first = encrypt();
  pool.last = true;
  t.is(encrypt(), first, 'nothing was said of it');
  pool.tell();
  t.true(encrypt() === realisationsOf('RSA-OAEP-256').at(-1));
  t.not(encrypt(), first);
  pool.unsupported = 'RSA-OAEP-256';
  pool.tell();
  t.throws(encrypt, { code: 'NotSupported' });
});

const RSA = { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } as const;
