import { StrongroomError } from '../model/errors.ts';
import { RING_OPERATION } from '../pkcs11/binding.ts';
import { MECHANISM } from '../pkcs11/mechanism.ts';
import { markOf, SEALED, WRAPPED_BYTES, wrappedKeyTemplate } from '../pkcs11/pool_key_marks.ts';
import type { SigningKeyName } from '../pkcs11/pool_key_template.ts';
import type { HsmHost, RingRequest } from './hsm_host.ts';
import type { OpenToken } from './open_token.ts';
import type { SealProof } from './pool_key_ceremony.ts';
import { readSigningPublicKey, sealRequest } from './pool_keys.ts';
import type { RingHost } from './ring_host.ts';
import { ringRequest } from './ring_request.ts';
import { decodeHandles } from './token_answers.ts';

const HANDLE_BYTES = 8;

/** The marks of a token that has all pool keys. */
export interface PoolFingerprint {
  readonly seal: string;
  /** Absent where the token does not wrap. */
  readonly kek: string | undefined;
  readonly audit: string;
  readonly attestation: string;
}

/** @throws StrongroomError `ServiceUnavailable` */
export async function fingerprintOf(token: OpenToken): Promise<PoolFingerprint> {
  const host = livingHost(token);
  const ask = async (request: RingRequest): Promise<Uint8Array> => (await token.ask(request, host)).answer;
  const signing = async (name: SigningKeyName): Promise<string> => {
    const { x, y } = await readSigningPublicKey(ask, name);
    return markOf(x, y);
  };
  return {
    seal: markOf(await ask(sealRequest(host, SEALED))),
    kek: await fingerprintOfKek(token, host, ask),
    audit: await signing('audit'),
    attestation: await signing('attestation'),
  };
}

/** Whether the seal is by the seal key of this token. @throws StrongroomError `ServiceUnavailable` */
export async function hasSealed(token: OpenToken, { input, seal }: SealProof): Promise<boolean> {
  const host = livingHost(token);
  const { answer } = await token.ask(sealRequest(host, input), host);
  return Buffer.compare(answer, seal) === 0;
}

/** Asks a token for something that it can only do when it is well, and looks at the answer. @throws StrongroomError `ServiceUnavailable` */
export async function probe(token: OpenToken, { seal }: PoolFingerprint, timeoutMs: number): Promise<void> {
  const host = livingHost(token);
  const { answer } = await token.ask(sealRequest(host, SEALED), host, timeoutMs);
  if (markOf(answer) !== seal)
    throw new StrongroomError('ServiceUnavailable', 'The token answers, but not what it should.');
}

function livingHost(token: OpenToken): RingHost {
  const host = token.group.hosts.find(({ alive }) => alive);
  if (host === undefined) throw new StrongroomError('ServiceUnavailable', 'The token has no host now.');
  return host;
}

async function fingerprintOfKek(
  { profile, mechanisms }: OpenToken,
  { poolKeys }: HsmHost,
  ask: (request: RingRequest) => Promise<Uint8Array>,
): Promise<string | undefined> {
  const mechanism = MECHANISM.CKM_AES_KEY_WRAP_PAD;
  if (!profile.canWrap || !mechanisms.has(mechanism)) return undefined;
  const template = wrappedKeyTemplate();
  const [known] = decodeHandles(await ask(ringRequest(RING_OPERATION.create, { template, capacity: HANDLE_BYTES })));
  if (known === undefined) throw new TypeError('The lane answered without a handle');
  const wrap = { mechanism, object: poolKeys.kek, object2: known, capacity: WRAPPED_BYTES };
  const wrapped = await ask(ringRequest(RING_OPERATION.wrap, wrap));
  await ask(ringRequest(RING_OPERATION.destroy, { object: known }));
  return markOf(wrapped);
}
