import type { Session } from 'graphene-pk11';
import type { Handle } from 'pkcs11js';
import { secretKeyTemplate, unwrapTemplate } from './key_template.ts';
import { MECHANISM, type MechanismName } from './mechanism.ts';
import {
  kekTemplate,
  POOL_KEY_LABEL,
  type PoolKeyName,
  type PoolKeyPlace,
  poolKeyLabel,
  type SigningKeyName,
  sealKeyTemplate,
  signingKeyTemplates,
} from './pool_key_template.ts';
import { cryptoki } from './provisioning_call.ts';
import { keyWrapOf } from './provisioning_key_wrap.ts';
import { ProvisioningRefusal } from './provisioning_refusal.ts';
import { pkcs11jsTemplate } from './provisioning_template.ts';
import { CryptokiFailure } from './return_value.ts';
import { encodeTemplate, OBJECT_CLASS } from './template.ts';

export const SIGNING_KEYS: readonly SigningKeyName[] = ['audit', 'attestation'];

/** The class of the half that does the work. */
export const SECRET_CLASS = {
  kek: 'CKO_SECRET_KEY',
  seal: 'CKO_SECRET_KEY',
  audit: 'CKO_PRIVATE_KEY',
  attestation: 'CKO_PRIVATE_KEY',
} as const satisfies Record<PoolKeyName, keyof typeof OBJECT_CLASS>;

/** Makes the pool keys that the token does not have, tries all of them out, and answers which were made. */
export function ensurePoolKeys(session: Session): PoolKeyName[] {
  const created: PoolKeyName[] = [];
  if (findPoolKey(session, 'kek', 'CKO_SECRET_KEY') === undefined) {
    generateKey(session, 'CKM_AES_KEY_GEN', kekTemplate());
    created.push('kek');
  }
  if (findPoolKey(session, 'seal', 'CKO_SECRET_KEY') === undefined) {
    generateKey(session, 'CKM_GENERIC_SECRET_KEY_GEN', sealKeyTemplate());
    created.push('seal');
  }
  for (const name of SIGNING_KEYS) {
    if (findPoolKey(session, name, 'CKO_PRIVATE_KEY') !== undefined) continue;
    setOrphanAside(session, name);
    generateSigningKey(session, name);
    created.push(name);
  }
  tryPoolKeys(session);
  return created;
}

/** The handles of a set of pool keys. */
export interface PoolKeyObjects {
  /** Of the halves that do the work. */
  readonly secret: Readonly<Record<PoolKeyName, Handle>>;
  readonly public: Readonly<Record<SigningKeyName, Handle>>;
}

/** All of them have to be there, and to work. */
export function tryPoolKeys(session: Session, place: PoolKeyPlace = 'current'): void {
  const secret = (name: PoolKeyName): Handle => requirePoolKey(session, name, SECRET_CLASS[name], place);
  const [audit, attestation] = SIGNING_KEYS.map((name) => requirePoolKey(session, name, 'CKO_PUBLIC_KEY', place));
  tryObjects(session, {
    secret: { kek: secret('kek'), seal: secret('seal'), audit: secret('audit'), attestation: secret('attestation') },
    public: { audit: audit as Handle, attestation: attestation as Handle },
  });
}

export function tryObjects(session: Session, objects: PoolKeyObjects): void {
  const { kek, seal } = objects.secret;
  tryOut('kek', () => tryKek(session, kek));
  tryOut('seal', () => trySealKey(session, seal));
  for (const name of SIGNING_KEYS) {
    tryOut(name, () => trySigningKey(session, objects.secret[name], objects.public[name]));
  }
}

/** More than one key under a label is an alarm and never settled by taking the first. */
export function findPoolKey(
  { lib, handle }: Session,
  name: PoolKeyName,
  objectClass: keyof typeof OBJECT_CLASS,
  place: PoolKeyPlace = 'current',
): Handle | undefined {
  const label = Buffer.from(poolKeyLabel(name, place), 'utf8');
  const query = pkcs11jsTemplate(
    encodeTemplate({ CKA_CLASS: OBJECT_CLASS[objectClass], CKA_TOKEN: true, CKA_LABEL: label }),
  );
  cryptoki('C_FindObjectsInit', () => lib.C_FindObjectsInit(handle, query));
  let found: Handle[];
  try {
    found = cryptoki('C_FindObjects', () => lib.C_FindObjects(handle, 2));
  } finally {
    cryptoki('C_FindObjectsFinal', () => lib.C_FindObjectsFinal(handle));
  }
  if (found.length > 1)
    throw new ProvisioningRefusal(
      `The token has more than one object ${poolKeyLabel(name, place)} of class ${objectClass}.`,
    );
  return found[0];
}

export function requirePoolKey(
  session: Session,
  name: PoolKeyName,
  objectClass: keyof typeof OBJECT_CLASS,
  place: PoolKeyPlace = 'current',
): Handle {
  const handle = findPoolKey(session, name, objectClass, place);
  if (handle === undefined)
    throw new ProvisioningRefusal(`The token has no object ${poolKeyLabel(name, place)} of class ${objectClass}.`);
  return handle;
}

function generateKey({ lib, handle }: Session, mechanism: MechanismName, template: Uint8Array): Handle {
  return cryptoki('C_GenerateKey', () =>
    lib.C_GenerateKey(handle, { mechanism: MECHANISM[mechanism] }, pkcs11jsTemplate(template)),
  );
}

function generateSigningKey({ lib, handle }: Session, name: SigningKeyName): void {
  const { publicTemplate, privateTemplate } = signingKeyTemplates(name);
  const mechanism = { mechanism: MECHANISM.CKM_EC_KEY_PAIR_GEN };
  cryptoki('C_GenerateKeyPair', () =>
    lib.C_GenerateKeyPair(handle, mechanism, pkcs11jsTemplate(publicTemplate), pkcs11jsTemplate(privateTemplate)),
  );
}

/**
 * A process that was killed between the two halves of a pair leaves a public key alone. It is renamed and kept: should it be what is
 * left of an older key, it still verifies what that one signed.
 */
function setOrphanAside(session: Session, name: SigningKeyName): void {
  const orphan = findPoolKey(session, name, 'CKO_PUBLIC_KEY');
  if (orphan === undefined) return;
  const label = Buffer.from(`${POOL_KEY_LABEL[name]} without its private key`, 'utf8');
  cryptoki('C_SetAttributeValue', () =>
    session.lib.C_SetAttributeValue(
      session.handle,
      orphan,
      pkcs11jsTemplate(encodeTemplate({ CKA_LABEL: label, CKA_ID: label })),
    ),
  );
}

const LONGEST_ANSWER_BYTES = 512;
const PROBE = Buffer.alloc(32, 0x5a);

/** A key that was interrupted while it was made may be found and have no value: every key would then be wrapped under nothing. */
function tryOut(name: PoolKeyName, attempt: () => void): void {
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof CryptokiFailure)) throw error;
    throw new ProvisioningRefusal(
      `The pool key ${POOL_KEY_LABEL[name]} is in the token and does not work.`,
      error.message,
    );
  }
}

/** The unwrapping checks the integrity value of RFC 5649. */
function tryKek(session: Session, kek: Handle): void {
  const { lib, handle } = session;
  const wrap = keyWrapOf(session);
  const place = { kind: 'session', private: true } as const;
  const probe = generateKey(
    session,
    'CKM_AES_KEY_GEN',
    secretKeyTemplate({ keyType: 'oct-HSM', size: 256 }, place, 'extractable'),
  );
  const wrapped = cryptoki('C_WrapKey', () =>
    lib.C_WrapKey(handle, wrap, kek, probe, Buffer.alloc(LONGEST_ANSWER_BYTES)),
  );
  const template = pkcs11jsTemplate(unwrapTemplate('oct-HSM', 'secret', place));
  const unwrapped = cryptoki('C_UnwrapKey', () => lib.C_UnwrapKey(handle, wrap, kek, wrapped, template));
  for (const object of [probe, unwrapped]) cryptoki('C_DestroyObject', () => lib.C_DestroyObject(handle, object));
}

function trySealKey({ lib, handle }: Session, seal: Handle): void {
  const mechanism = { mechanism: MECHANISM.CKM_SHA256_HMAC };
  cryptoki('C_SignInit', () => lib.C_SignInit(handle, mechanism, seal));
  const mac = cryptoki('C_Sign', () => lib.C_Sign(handle, PROBE, Buffer.alloc(LONGEST_ANSWER_BYTES)));
  cryptoki('C_VerifyInit', () => lib.C_VerifyInit(handle, mechanism, seal));
  cryptoki('C_Verify', () => lib.C_Verify(handle, PROBE, mac));
}

function trySigningKey({ lib, handle }: Session, privateKey: Handle, publicKey: Handle): void {
  const mechanism = { mechanism: MECHANISM.CKM_ECDSA };
  cryptoki('C_SignInit', () => lib.C_SignInit(handle, mechanism, privateKey));
  const signature = cryptoki('C_Sign', () => lib.C_Sign(handle, PROBE, Buffer.alloc(LONGEST_ANSWER_BYTES)));
  cryptoki('C_VerifyInit', () => lib.C_VerifyInit(handle, mechanism, publicKey));
  cryptoki('C_Verify', () => lib.C_Verify(handle, PROBE, signature));
}
