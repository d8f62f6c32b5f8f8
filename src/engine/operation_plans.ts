import type { AlgorithmName } from '../model/algorithm.ts';
import { StrongroomError } from '../model/errors.ts';
import type { KeySpec } from '../model/key.ts';
import type { HostToken } from '../pool/hsm_host.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import type { LoadedKey } from './loaded_key.ts';
import { type CryptographicOperation, type OperationPlan, planOperation, requireAlgorithm } from './operation_plan.ts';
import { requirePermission } from './permission.ts';

type PlanningPool = Pick<HsmPool, 'realisation' | 'hasSeveralTokens' | 'onTokensChanged'>;

/** Plans of the keys that are remembered: keys of one kind share them, until the pool has other tokens, or does something in another way. */
export class OperationPlans {
  readonly #pool: PlanningPool;
  /** By the token that alone has the key, and then by all else that a plan depends on. */
  readonly #plans = new Map<HostToken | undefined, Map<string, OperationPlan>>();

  constructor(pool: PlanningPool) {
    this.#pool = pool;
    pool.onTokensChanged(() => this.#plans.clear());
  }

  /**
   * For what is asked of this key, now and from now on.
   * @throws StrongroomError `Forbidden` (`KeyDisabled`, `KeyOperationForbidden`), `BadParameter` when the algorithm does not fit the
   * operation or the key, `NotSupported` when the token cannot do it
   */
  planFor(key: LoadedKey, operation: CryptographicOperation, name: AlgorithmName): OperationPlan {
    const found = key.findPlan(operation, name);
    if (found !== undefined) return found;
    requirePermission(key.record, operation);
    const plan = this.#plan(key, operation, name);
    key.addPlan(plan);
    return plan;
  }

  #plan({ record, home }: LoadedKey, operation: CryptographicOperation, name: AlgorithmName): OperationPlan {
    const { spec, notBefore, expires } = record;
    const dated = notBefore !== undefined || expires !== undefined;
    const plans = this.#plansAt(home);
    const kind = [operation, name, spec.keyType, sizeOf(spec), dated].join(' ');
    const known = plans.get(kind);
    if (known !== undefined) return known;
    const algorithm = requireAlgorithm(spec, operation, name);
    const realisation = this.#pool.realisation(name);
    if (realisation === undefined) throw new StrongroomError('NotSupported', `The HSM does not support ${name}.`);
    const several = this.#pool.hasSeveralTokens;
    const plan = planOperation(operation, { spec, algorithm, realisation, several, home, dated });
    plans.set(kind, plan);
    return plan;
  }

  #plansAt(home: HostToken | undefined): Map<string, OperationPlan> {
    let plans = this.#plans.get(home);
    if (plans === undefined) {
      plans = new Map();
      this.#plans.set(home, plans);
    }
    return plans;
  }
}

function sizeOf(spec: KeySpec): string | number {
  return spec.keyType === 'EC-HSM' ? spec.curve : spec.size;
}
