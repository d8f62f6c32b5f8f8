import { PARAMETER_KIND, type RingOperation } from '../pkcs11/binding.ts';
import type { RingRequest } from './hsm_host.ts';

/** A request with all fields in the same order, so that V8 sees one shape of object on the hot path. */
export function ringRequest(operation: RingOperation, fields: Partial<RingRequest> = {}): RingRequest {
  return {
    operation,
    mechanism: fields.mechanism ?? 0,
    parameterKind: fields.parameterKind ?? PARAMETER_KIND.none,
    object: fields.object ?? 0,
    object2: fields.object2 ?? 0,
    parameter: fields.parameter,
    input: fields.input,
    input2: fields.input2,
    template: fields.template,
    template2: fields.template2,
    capacity: fields.capacity ?? 0,
    timeoutMs: fields.timeoutMs ?? 0,
  };
}
