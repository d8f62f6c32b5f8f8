import { auditKey, keyText } from '../audit/tree_head.ts';
import type { DataDirectory } from '../config/data_directory.ts';
import { writePrivateFile } from '../config/private_file.ts';
import type { Configuration } from '../config/settings.ts';
import { StrongroomError } from '../model/errors.ts';
import { type FailedToken, requireAllAtHand, stageEverywhere } from '../pool/pool_ceremony.ts';
import type { DomainItem } from '../security_domain/domain_cipher.ts';
import type { Activation } from '../security_domain/domain_custody.ts';
import { sealedDocumentBytes } from '../store/record_seal.ts';
import type { SealedDocuments } from '../store/sealed_documents.ts';
import type { DocumentRecord, SealedDocument } from '../store/store.ts';
import { storeTampered } from '../store/store_refusal.ts';
import { withCeremonyTokens } from './ceremony_tokens.ts';
import { type Core, holdsNoKey } from './core.ts';
import { ACTIVATION } from './open_security_domain.ts';
import { recoveryProof, settleTokens } from './settle_recovery.ts';

export interface RecoveryParts {
  readonly configuration: Configuration;
  readonly files: DataDirectory;
  readonly core: Core;
  readonly documents: SealedDocuments;
  /** Puts the audit log aside that the former key has signed, and begins another one. Called while the pool is open, with its new keys. */
  readonly beginAudit: (renewCore: () => Promise<void>, formerAuditKey: string) => Promise<void>;
  /** Told when the store has taken the recovery and the rest failed: this process serves nothing any more, and the next one finishes it. */
  readonly onHalfDone: (error: unknown) => void;
  /** Told of tokens in which the end of a recovery has to wait for another start. */
  readonly onWaiting: (tokens: readonly FailedToken[]) => void;
}

/**
 * A token that is away would have other pool keys than the pool when it comes back, and whether there are keys in it is not known: it is
 * brought back first, or taken out of the configuration.
 * @throws StrongroomError `Conflict`: `TokenAway`, or `HsmNotEmpty` when something would be lost with the pool keys of now
 */
export async function requireEmptyPool({ store, pool }: Core): Promise<void> {
  const open = new Set(pool.tokens.map(({ name }) => name));
  const away = pool.status().tokens.filter(({ name }) => !open.has(name));
  if (away.length > 0) {
    const names = away.map(({ name }) => name).join(', ');
    throw new StrongroomError('Conflict', `A recovery takes every token of the HSM, and not in use: ${names}.`, {
      innerCode: 'TokenAway',
    });
  }
  const intents = await Promise.all(pool.tokens.map(({ serial }) => store.listIntents(serial)));
  if (intents.flat().length === 0 && (await holdsNoKey(store))) return;
  throw new StrongroomError(
    'Conflict',
    'The HSM holds keys, which a recovery would leave without the key they are under.',
    {
      innerCode: 'HsmNotEmpty',
    },
  );
}

/**
 * Puts the pool keys of a security domain in the place of those that the pool has, and everything that the store holds under their seals.
 * First the keys come into every token beside the others. Then the store takes the other seals, and with them the activation, in one
 * transaction: until then the pool is as it was, and afterwards it is recovered, whoever ends in between (`settleRecovery`). Then the keys
 * take their place in every token, and everything is opened anew.
 * @throws StrongroomError when the pool is as it was
 */
export async function recoverPool(parts: RecoveryParts, items: readonly DomainItem[]): Promise<Activation> {
  const { configuration, files, core, documents, onWaiting } = parts;
  const activation: Activation = {
    activated: Math.floor(Date.now() / 1000),
    downloaded: undefined,
    custodians: [],
    required: undefined,
    formerAuditKey: keyText(auditKey(await core.pool.auditPublicKey())),
  };
  await writePrivateFile(files.recovery, JSON.stringify({ begun: new Date().toISOString() }));
  await documents.whileUntouched(async () => {
    const isTaken = await attempt(() => reseal(parts, items, activation));
    if (isTaken !== true && !(await isTakenAfterAll(parts, isTaken.error))) {
      // Where this fails the keys of before are in use all the same, and the next start takes the others away.
      await settleTokens(configuration, files, undefined).then(onWaiting, () => undefined);
      throw isTaken.error;
    }
    try {
      const proof = await recoveryProof(core.store);
      const promote = async (): Promise<void> => onWaiting(await settleTokens(configuration, files, proof));
      await parts.beginAudit(() => core.renew(promote), activation.formerAuditKey as string);
    } catch (error) {
      parts.onHalfDone(error);
      throw error;
    }
  });
  return activation;
}

/** Ends with the transaction. */
async function reseal(
  { configuration, files, core }: RecoveryParts,
  items: readonly DomainItem[],
  activation: Activation,
): Promise<void> {
  await requireEmptyPool(core);
  const stored = await core.store.listAllDocuments();
  for (const { record, seal } of stored) {
    if (await core.verifySeal(sealedDocumentBytes(record), seal)) continue;
    throw storeTampered(new Error(`The document ${record.collection}/${record.id} is not what was stored`));
  }
  const added: DocumentRecord = { ...ACTIVATION, content: JSON.stringify(activation), revision: 1 };
  const records = [...stored.map(({ record }) => record), added];
  const seals = await withCeremonyTokens(configuration, files, async (atHand) => {
    requireAllAtHand(atHand);
    return stageEverywhere(atHand.tokens, items, records.map(sealedDocumentBytes));
  });
  const resealed = records.map((record, index): SealedDocument => ({ record, seal: seals[index] as Uint8Array }));
  const document = resealed.pop() as SealedDocument;
  const change = { ...ACTIVATION, expectedRevision: undefined, document };
  await core.store.resealDocuments({ documents: resealed, change });
}

async function attempt(work: () => Promise<void>): Promise<true | { readonly error: unknown }> {
  try {
    await work();
    return true;
  } catch (error) {
    return { error };
  }
}

/** Where the store does not know whether it has taken the change, it is asked. */
async function isTakenAfterAll({ core, onHalfDone }: RecoveryParts, error: unknown): Promise<boolean> {
  if (!(error instanceof StrongroomError) || error.code !== 'OutcomeUnknown') return false;
  const confirmedProof = async (): ReturnType<typeof recoveryProof> => {
    const found = await recoveryProof(core.store);
    await core.store.confirm();
    return found;
  };
  const proof = await confirmedProof().catch((failure: unknown) => {
    onHalfDone(failure);
    throw failure;
  });
  // By the keys of before it was another server that has activated the pool meanwhile.
  return proof !== undefined && !(await core.verifySeal(proof.input, proof.seal));
}
