import { digestInfo } from '../../pkcs11/signature_format.ts';
import { requireBytes } from '../input_bounds.ts';
import type { OperationPlan } from '../operation_plan.ts';

/** What the token signs for a digest. */
export function signedBytes(plan: OperationPlan, digest: Uint8Array): Uint8Array {
  requireBytes('digest', plan.input, digest);
  return plan.digestInfo === undefined ? digest : digestInfo(plan.digestInfo, digest);
}
