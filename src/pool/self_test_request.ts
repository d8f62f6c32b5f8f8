import type { Realisation } from '../model/algorithm.ts';
import { PARAMETER_KIND, type ParameterKind, RING_OPERATION, type RingOperation } from '../pkcs11/binding.ts';
import { gcmParameter, MECHANISM, oaepParameter, pssParameter } from '../pkcs11/mechanism.ts';
import type { Completion, HsmHost, RingRequest } from './hsm_host.ts';
import { ringRequest } from './ring_request.ts';

/** Asks one host. `caller` has wrong answers settled as completions; `engine` has them thrown. */
export type AskHost = (host: HsmHost, request: RingRequest, input: 'caller' | 'engine') => Promise<Completion>;

const LONGEST_TEST_ANSWER = 1024;

interface Parameter {
  readonly kind: ParameterKind;
  readonly bytes: Uint8Array | undefined;
}

/** The mechanism parameter of a realisation, over the IV and the additional data of a vector. */
export function testParameter(
  realisation: Realisation,
  iv: Uint8Array | undefined,
  aad: Uint8Array | undefined,
  tagBytes: number,
): Parameter {
  const { hash } = realisation;
  if (realisation.way === 'oaepInHost' && hash !== undefined)
    return { kind: PARAMETER_KIND.oaep, bytes: oaepParameter(hash) };
  if (realisation.parameter === 'oaep' && hash !== undefined)
    return { kind: PARAMETER_KIND.oaep, bytes: oaepParameter(hash) };
  if (realisation.parameter === 'pss' && hash !== undefined)
    return { kind: PARAMETER_KIND.pss, bytes: pssParameter(hash) };
  if (realisation.parameter === 'gcm') return { kind: PARAMETER_KIND.gcm, bytes: gcmParameter(iv, aad, tagBytes) };
  if (realisation.parameter === 'iv') return { kind: PARAMETER_KIND.raw, bytes: iv };
  return { kind: PARAMETER_KIND.none, bytes: undefined };
}

type Direction = 'sign' | 'verify' | 'encrypt' | 'decrypt';

const ENCRYPT: Readonly<Record<Realisation['way'], RingOperation>> = {
  direct: RING_OPERATION.encrypt,
  digestInfo: RING_OPERATION.encrypt,
  oaepInHost: RING_OPERATION.oaepEncrypt,
  wrapObject: RING_OPERATION.wrapBytes,
};
const DECRYPT: Readonly<Record<Realisation['way'], RingOperation>> = {
  direct: RING_OPERATION.decrypt,
  digestInfo: RING_OPERATION.decrypt,
  oaepInHost: RING_OPERATION.oaepDecrypt,
  wrapObject: RING_OPERATION.unwrapBytes,
};

function operationOf(way: Realisation['way'], direction: Direction): RingOperation {
  if (direction === 'encrypt') return ENCRYPT[way];
  if (direction === 'decrypt') return DECRYPT[way];
  return RING_OPERATION[direction];
}

export function testRequest(
  realisation: Realisation,
  direction: Direction,
  parameter: Parameter,
  object: number,
  input: Uint8Array,
  signature?: Uint8Array,
): RingRequest {
  const operation = operationOf(realisation.way, direction);
  return ringRequest(operation, {
    mechanism: MECHANISM[realisation.mechanism],
    parameterKind: parameter.kind,
    parameter: parameter.bytes,
    object,
    input,
    input2: signature,
    capacity: LONGEST_TEST_ANSWER,
  });
}

/**
 * Asks for what has to be done for a test to pass. A refusal counts when it is heard twice: a device that was unwell for a moment does not
 * compute wrongly, and a failed test keeps the token out until an operator comes.
 */
export async function askTwice(ask: AskHost, host: HsmHost, request: RingRequest): Promise<Completion> {
  const first = await ask(host, request, 'caller');
  return first.returnValue === 0 ? first : ask(host, request, 'caller');
}
