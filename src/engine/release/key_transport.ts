import { constants, publicEncrypt } from 'node:crypto';
import type { HashName } from '../../model/algorithm.ts';
import { badParameter, StrongroomError } from '../../model/errors.ts';
import { PARAMETER_KIND, RING_OPERATION } from '../../pkcs11/binding.ts';
import { MECHANISM, MECHANISM_FLAG, oaepParameter } from '../../pkcs11/mechanism.ts';
import {
  recipientTemplate,
  TRANSPORT_KEY,
  TRANSPORT_KEY_BYTES,
  transportKeyTemplate,
} from '../../pkcs11/transport_template.ts';
import type { HostToken, RingRequest } from '../../pool/hsm_host.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import { HANDLE_BYTES, wrapRequest } from '../key_wrapping.ts';
import type { Ceremony } from '../lifecycle/ceremony.ts';
import type { ReleaseEncryption } from '../requests.ts';
import { failureOf } from '../token_refusal.ts';
import type { Recipient } from './recipient.ts';

/** Hash of the OAEP under which the AES key goes (Azure API §1.14). */
const OAEP_HASH: ReadonlyMap<string, HashName> = new Map<ReleaseEncryption, HashName>([
  ['CKM_RSA_AES_KEY_WRAP', 'SHA-1'],
  ['RSA_AES_KEY_WRAP_256', 'SHA-256'],
  ['RSA_AES_KEY_WRAP_384', 'SHA-384'],
]);

const NODE_HASH: Readonly<Record<HashName, string>> = {
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};

/** @throws StrongroomError `BadParameter` */
export function requireEncryption(encryption: ReleaseEncryption): HashName {
  const hash = OAEP_HASH.get(encryption);
  if (hash === undefined) throw badParameter('enc', [...OAEP_HASH.keys()].join(', '), encryption);
  return hash;
}

/**
 * An object of the ceremony for somebody outside: an AES key for this one time under the recipient's key (RSA-OAEP), and behind it the
 * object under the AES key (RFC 5649), as CKM_RSA_AES_KEY_WRAP puts them together.
 */
export async function wrapForRecipient(
  ceremony: Ceremony,
  object: number,
  recipient: Recipient,
  hash: HashName,
): Promise<Uint8Array> {
  await ceremony.pool.selfTest.ensure('CKM_AES_KEY_WRAP_PAD', ceremony.host);
  const { transportKey, wrapped } = await makeTransportKey(ceremony, recipient, hash);
  return Buffer.concat([wrapped, await ceremony.ask(wrapRequest(transportKey, object))]);
}

/** A new AES-256 key that wraps, and the same key under the recipient's. */
export function makeTransportKey(ceremony: Ceremony, recipient: Recipient, hash: HashName): Promise<TransportKey> {
  return carriesKeysByOaep(ceremony.host.token, hash)
    ? makeInToken(ceremony, recipient, hash)
    : makeBesideToken(ceremony, recipient, hash);
}

/** Whether C_WrapKey and C_UnwrapKey do OAEP with this hash: the mechanism list does not tell the hashes, the profile does. */
export function carriesKeysByOaep({ profile, mechanisms }: HostToken, hash: HashName): boolean {
  const { CKF_WRAP, CKF_UNWRAP } = MECHANISM_FLAG;
  const flags = mechanisms.get(MECHANISM.CKM_RSA_PKCS_OAEP)?.flags ?? 0;
  return profile.oaepHashes.has(hash) && (flags & CKF_WRAP) !== 0 && (flags & CKF_UNWRAP) !== 0;
}

export interface TransportKey {
  readonly transportKey: number;
  readonly wrapped: Uint8Array;
}

const LARGEST_WRAPPED_BYTES = 1024;

async function makeInToken(ceremony: Ceremony, recipient: Recipient, hash: HashName): Promise<TransportKey> {
  const transportKey = await ceremony.make(
    ringRequest(RING_OPERATION.generateKey, {
      mechanism: MECHANISM.CKM_AES_KEY_GEN,
      template: TRANSPORT_KEY,
      capacity: HANDLE_BYTES,
    }),
  );
  const template = recipientTemplate(recipient.publicKey);
  const create = ringRequest(RING_OPERATION.create, { template, capacity: HANDLE_BYTES });
  const [wrappingKey] = ceremony.adopt(await askForCaller(ceremony, create));
  const wrap = ringRequest(RING_OPERATION.wrap, {
    mechanism: MECHANISM.CKM_RSA_PKCS_OAEP,
    parameterKind: PARAMETER_KIND.oaep,
    parameter: oaepParameter(hash),
    object: wrappingKey as number,
    object2: transportKey,
    capacity: LARGEST_WRAPPED_BYTES,
  });
  return { transportKey, wrapped: await askForCaller(ceremony, wrap) };
}

/**
 * For a token without this OAEP: the AES key comes from the token's generator by way of this process, where it is encrypted and
 * overwritten at once. The key that is released is wrapped inside of the token all the same.
 */
async function makeBesideToken(ceremony: Ceremony, recipient: Recipient, hash: HashName): Promise<TransportKey> {
  const value = await ceremony.ask(ringRequest(RING_OPERATION.random, { capacity: TRANSPORT_KEY_BYTES }));
  const template = transportKeyTemplate(value);
  try {
    const wrapped = publicEncrypt(
      { key: recipient.keyObject, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: NODE_HASH[hash] },
      value,
    );
    const create = ringRequest(RING_OPERATION.create, { template, capacity: HANDLE_BYTES });
    return { transportKey: await ceremony.make(create), wrapped };
  } finally {
    value.fill(0);
    template.fill(0);
  }
}

/** The recipient's key comes from outside: what the token has against it is not to be held against the token. */
async function askForCaller({ pool, host }: Ceremony, request: RingRequest): Promise<Uint8Array> {
  const completion = await pool.call(request, { host, input: 'caller' });
  if (completion.returnValue === 0) return completion.answer;
  throw new StrongroomError('BadParameter', 'The HSM does not wrap for the key of the attested environment.', {
    cause: failureOf(completion),
  });
}
