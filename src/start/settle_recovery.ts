import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { DataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { type FailedToken, settleEverywhere } from '../pool/pool_ceremony.ts';
import type { SealProof } from '../pool/pool_key_ceremony.ts';
import { sealedDocumentBytes, sealedKeyBytes } from '../store/record_seal.ts';
import type { SealedDocument, Store } from '../store/store.ts';
import { preparedTokens, withCeremonyTokens } from './ceremony_tokens.ts';
import { ACTIVATION } from './open_security_domain.ts';

/**
 * Before the pool is opened: where a server was ended in the middle of a recovery, the recovery is finished if the store has taken it, and
 * undone if it has not. Answers the tokens in which that has to wait for another start.
 */
export async function settleRecovery(
  configuration: Configuration,
  files: DataDirectory,
  store: Store,
): Promise<FailedToken[]> {
  if (!existsSync(files.recovery)) return [];
  for (const { own } of await preparedTokens(configuration, files)) await own?.mend();
  return settleTokens(configuration, files, await recoveryProof(store));
}

/**
 * In every token: the keys that were brought in stay if the proof is by them. Answers the tokens in which it could not be done: they have
 * the keys of before, and the next start with them does it.
 * @throws what keeps it from being done, when it could be done in none
 */
export async function settleTokens(
  configuration: Configuration,
  files: DataDirectory,
  proof: SealProof | undefined,
): Promise<FailedToken[]> {
  const [waiting, tokens] = await withCeremonyTokens(configuration, files, async (atHand) => {
    const failed = await settleEverywhere(atHand, proof);
    return [failed, atHand.tokens.length + atHand.away.length] as const;
  });
  if (waiting.length === tokens) throw waiting[0]?.error;
  if (waiting.length === 0) await rm(files.recovery, { force: true });
  return waiting;
}

/**
 * What tells whether the store has taken a recovery: a pool that is recovered had no activation before, and has one under its new seal key
 * afterwards, in the same transaction as everything else.
 */
export async function recoveryProof(store: Store): Promise<SealProof | undefined> {
  const activation = await store.findDocument(ACTIVATION.collection, ACTIVATION.id);
  return activation && proofOf(activation);
}

/** Something that the pool has sealed: what made it active, or else whatever there is. */
export async function poolProof(store: Store): Promise<SealProof | undefined> {
  const proof = await recoveryProof(store);
  if (proof !== undefined) return proof;
  const first = { after: undefined, limit: 1 };
  for (const kind of ['active', 'deleted'] as const) {
    const [found] = await store.listKeys(kind, first);
    if (found !== undefined) return { input: sealedKeyBytes(found.key.record), seal: found.key.seal };
  }
  const [document] = await store.listAllDocuments();
  return document && proofOf(document);
}

function proofOf({ record, seal }: SealedDocument): SealProof {
  return { input: sealedDocumentBytes(record), seal };
}
