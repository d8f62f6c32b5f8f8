import { createHash } from 'node:crypto';
import { StrongroomError } from '../model/errors.ts';
import { RING_OPERATION } from '../pkcs11/binding.ts';
import { importTemplate } from '../pkcs11/key_template.ts';
import { MECHANISM } from '../pkcs11/mechanism.ts';
import type { SigningKeyName } from '../pkcs11/pool_key_template.ts';
import type { HsmHost, RingRequest } from './hsm_host.ts';
import type { OpenToken } from './open_token.ts';
import { readSigningPublicKey, sealRequest } from './pool_keys.ts';
import type { RingHost } from './ring_host.ts';
import { ringRequest } from './ring_request.ts';
import { decodeHandles } from './token_answers.ts';

/** What is sealed, and what is wrapped, to tell one seal key and one KEK from another. */
const SEALED = Buffer.from('strongroom: which seal key is this?', 'utf8');
const WRAPPED = createHash('sha256').update('strongroom: which KEK is this?').digest();
const HANDLE_BYTES = 8;
const WRAPPED_BYTES = 64;

/** What shows whether two tokens have the same pool keys. It tells nothing of their values. */
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
    return digest(Buffer.concat([x, y]));
  };
  return {
    seal: digest(await ask(sealRequest(host, SEALED))),
    kek: await fingerprintOfKek(token, host, ask),
    audit: await signing('audit'),
    attestation: await signing('attestation'),
  };
}

/** Which of the pool keys differ. */
export function differences(one: PoolFingerprint, other: PoolFingerprint): string[] {
  const names = ['kek', 'seal', 'audit', 'attestation'] as const;
  return names.filter((name) => one[name] !== undefined && other[name] !== undefined && one[name] !== other[name]);
}

/** Asks a token for something that it can only do when it is well, and looks at the answer. @throws StrongroomError `ServiceUnavailable` */
export async function probe(token: OpenToken, { seal }: PoolFingerprint, timeoutMs: number): Promise<void> {
  const host = livingHost(token);
  const { answer } = await token.ask(sealRequest(host, SEALED), host, timeoutMs);
  if (digest(answer) !== seal)
    throw new StrongroomError('ServiceUnavailable', 'The token answers, but not what it should.');
}

function livingHost(token: OpenToken): RingHost {
  const host = token.group.hosts.find(({ alive }) => alive);
  if (host === undefined) throw new StrongroomError('ServiceUnavailable', 'The token has no host now.');
  return host;
}

/** A known key comes out of its wrapping the same each time (RFC 5649). */
async function fingerprintOfKek(
  { profile, mechanisms }: OpenToken,
  { poolKeys }: HsmHost,
  ask: (request: RingRequest) => Promise<Uint8Array>,
): Promise<string | undefined> {
  const mechanism = MECHANISM.CKM_AES_KEY_WRAP_PAD;
  if (!profile.canWrap || !mechanisms.has(mechanism)) return undefined;
  const material = { keyType: 'oct-HSM', value: new Uint8Array(WRAPPED) } as const;
  const template = importTemplate(material, { kind: 'session', private: true }, 'extractable');
  const [known] = decodeHandles(await ask(ringRequest(RING_OPERATION.create, { template, capacity: HANDLE_BYTES })));
  if (known === undefined) throw new TypeError('The lane answered without a handle');
  const wrap = { mechanism, object: poolKeys.kek, object2: known, capacity: WRAPPED_BYTES };
  const wrapped = await ask(ringRequest(RING_OPERATION.wrap, wrap));
  await ask(ringRequest(RING_OPERATION.destroy, { object: known }));
  return digest(wrapped);
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
