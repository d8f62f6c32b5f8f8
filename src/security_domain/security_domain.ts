import { type KeyObject, randomBytes } from 'node:crypto';
import { badParameter, StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Custodian } from './custodian.ts';
import { type DomainItem, decryptItem, encryptItem, MASTER_KEY_BYTES, wrongDomain } from './domain_cipher.ts';
import type { DomainFile, RecoveryFile } from './domain_format.ts';
import { decryptWith, encryptTo } from './key_transport.ts';
import { combineShares, readShare, splitSecret, writeShare } from './secret_sharing.ts';

/** Whoever takes part in a recovery. */
export interface CustodianKey {
  readonly thumbprint: string;
  readonly privateKey: KeyObject;
}

/**
 * The secrets of a pool for its custodians: under a master key that is nowhere but in their shares. `required` of them bring it back.
 * @throws StrongroomError `BadParameter`
 */
export async function closeDomain(
  items: readonly DomainItem[],
  custodians: readonly Custodian[],
  required: number,
): Promise<DomainFile> {
  checkQuorum(custodians, required);
  const masterKey = randomBytes(MASTER_KEY_BYTES);
  try {
    const shares = splitSecret(masterKey, required, custodians.length).map(writeShare);
    return {
      EncData: await encryptItems(masterKey, items),
      SharedKeys: {
        enc_shares: await Promise.all(
          custodians.map(async ({ publicKey, thumbprint }, which) => ({
            enc_key: await encryptTo(publicKey, shares[which] as Uint8Array),
            x5t_256: thumbprint,
          })),
        ),
        key_algorithm: 'shamir_share',
        required,
      },
      version: 2,
    };
  } finally {
    masterKey.fill(0);
  }
}

/** What custodians put in, by a quorum of them. @throws StrongroomError `BadParameter` (`QuorumMissing`, `SharesDisagree`, `SecurityDomainWrong`) */
export async function openDomain(file: DomainFile, keys: readonly CustodianKey[]): Promise<DomainItem[]> {
  const { enc_shares: written, required } = file.SharedKeys;
  const shares = await Promise.all(keys.map((key) => openShare(written, key)));
  if (shares.length < required) {
    throw new StrongroomError(
      'BadParameter',
      `The security domain takes ${required} of its custodians, and there are ${shares.length}.`,
      { innerCode: 'QuorumMissing' },
    );
  }
  const masterKey = combineShares(shares);
  if (masterKey.length !== MASTER_KEY_BYTES) throw wrongDomain('its shares are those of another kind of secret');
  return decryptItems(masterKey, file);
}

/** The same secrets for one pool that is to be recovered, and for nobody else: to its transfer key. */
export async function packForRecovery(items: readonly DomainItem[], recipient: Custodian): Promise<RecoveryFile> {
  const masterKey = randomBytes(MASTER_KEY_BYTES);
  try {
    return {
      EncData: await encryptItems(masterKey, items),
      WrappedKey: { enc_key: await encryptTo(recipient.publicKey, masterKey), x5t_256: recipient.thumbprint },
    };
  } finally {
    masterKey.fill(0);
  }
}

/** @throws StrongroomError `BadParameter` (`SecurityDomainWrong`) */
export async function unpackRecovery(file: RecoveryFile, transferKey: CustodianKey): Promise<DomainItem[]> {
  const { enc_key: wrapped, x5t_256: thumbprint } = file.WrappedKey;
  if (thumbprint !== transferKey.thumbprint) throw wrongDomain('it was made for another transfer key');
  return decryptItems(await decryptWith(transferKey.privateKey, wrapped, 'the key of the upload'), file);
}

/** @throws StrongroomError `BadParameter` */
export function checkQuorum(custodians: readonly Custodian[], required: number): void {
  const { length } = custodians;
  const thumbprints = new Set(custodians.map(({ thumbprint }) => thumbprint));
  if (length < LIMITS.custodiansLeast || length > LIMITS.custodians) {
    throw badParameter('certificates', `${LIMITS.custodiansLeast} to ${LIMITS.custodians} certificates`, length);
  }
  if (thumbprints.size !== length) throw badParameter('certificates', 'certificates that differ', 'one twice');
  if (!Number.isInteger(required) || required < LIMITS.quorumLeast || required > length) {
    throw badParameter('required', `an integer from ${LIMITS.quorumLeast} to the number of certificates`, required);
  }
}

async function openShare(
  written: DomainFile['SharedKeys']['enc_shares'],
  { thumbprint, privateKey }: CustodianKey,
): Promise<ReturnType<typeof readShare>> {
  const own = written.find(({ x5t_256 }) => x5t_256 === thumbprint);
  if (own === undefined) throw wrongDomain(`it has no share for the certificate ${thumbprint}`);
  return readShare(await decryptWith(privateKey, own.enc_key, `the share of the certificate ${thumbprint}`));
}

async function encryptItems(masterKey: Uint8Array, items: readonly DomainItem[]): Promise<DomainFile['EncData']> {
  const data = await Promise.all(
    items.map(async (item) => ({ compact_jwe: await encryptItem(masterKey, item), tag: item.tag })),
  );
  return { data, kdf: 'sp108_kdf' };
}

async function decryptItems(masterKey: Uint8Array, { EncData }: Pick<DomainFile, 'EncData'>): Promise<DomainItem[]> {
  try {
    return await Promise.all(EncData.data.map((item) => decryptItem(masterKey, item)));
  } finally {
    masterKey.fill(0);
  }
}
