import { StrongroomError } from '../model/errors.ts';
import { nativeAddon, OUTCOME } from '../pkcs11/binding.ts';
import { cryptokiFailure } from '../pkcs11/return_value.ts';
import type { Completion, RingRequest } from './hsm_host.ts';
import type { RingHost } from './ring_host.ts';

const TIMEOUT_MS = 10_000;

/** Asks a host that does not belong to the pool yet: whatever goes wrong means that it does not start. */
export async function askStartingHost(host: RingHost, request: RingRequest): Promise<Uint8Array> {
  request.timeoutMs = TIMEOUT_MS;
  const completion = await new Promise<Completion>((resolve) => host.submit(request, resolve));
  if (completion.outcome === OUTCOME.done && completion.returnValue === 0) return completion.answer;
  const cause =
    completion.outcome === OUTCOME.done
      ? cryptokiFailure(nativeAddon().functionNames()[completion.function] ?? 'The host', completion.returnValue)
      : new Error(`The HSM host is gone: ${host.end?.reason ?? 'no reason known'}`);
  throw new StrongroomError('ServiceUnavailable', 'An HSM host did not start.', { innerCode: 'HostNotStarted', cause });
}
