import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { mendSoftHsmTokens } from '../pkcs11/softhsm_token_files.ts';
import { type SealProof, settleIncomingPoolKeys, withCeremonyToken } from '../pool/pool_key_ceremony.ts';
import { sealedDocumentBytes } from '../store/record_seal.ts';
import type { Store } from '../store/store.ts';
import { ACTIVATION } from './open_security_domain.ts';
import { ceremonyToken } from './security_domain_ceremony.ts';

/**
 * Before the pool is opened: where a server was ended in the middle of a recovery, the recovery is finished if the store has taken it, and
 * undone if it has not.
 */
export async function settleRecovery(configuration: Configuration, files: DataDirectory, store: Store): Promise<void> {
  if (!existsSync(files.recovery)) return;
  const { token } = await ceremonyToken(configuration, files);
  const { softHsmTokenDirectory: tokens } = token;
  if (tokens !== undefined) await mendSoftHsmTokens(tokens, join(files.token, 'copies'));
  await settleTokens(configuration, files, await recoveryProof(store));
  await rm(files.recovery);
}

/** In every token: the keys that were brought in stay if the proof is by them. */
export async function settleTokens(
  configuration: Configuration,
  files: DataDirectory,
  proof: SealProof | undefined,
): Promise<void> {
  const { token } = await ceremonyToken(configuration, files);
  await withCeremonyToken(token, (opened) => settleIncomingPoolKeys(opened, proof));
}

/**
 * What tells whether the store has taken a recovery: a pool that is recovered had no activation before, and has one under its new seal key
 * afterwards, in the same transaction as everything else.
 */
export async function recoveryProof(store: Store): Promise<SealProof | undefined> {
  const activation = await store.findDocument(ACTIVATION.collection, ACTIVATION.id);
  return activation && { input: sealedDocumentBytes(activation.record), seal: activation.seal };
}
