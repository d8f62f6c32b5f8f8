import type { Transaction } from './postgres_connections.ts';
import { QUESTIONS } from './postgres_questions.ts';
import { everythingReplaced } from './store_refusal.ts';

/**
 * First in a change that names an epoch. The transaction is serializable: with a replacement that goes on beside it, the one or the other is
 * done again.
 * @throws StrongroomError `Conflict` (`RestoreInProgress`)
 */
export async function requireEpoch(
  transaction: Transaction,
  { epoch }: { readonly epoch: number | undefined },
): Promise<void> {
  if (epoch === undefined) return;
  const { rows } = await transaction.run(QUESTIONS.replacements);
  if (rows[0]?.count !== epoch) throw everythingReplaced();
}
