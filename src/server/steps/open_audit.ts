import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/** Will it be on record? Before anything else: while the log takes nothing, nothing is done. */
export function openAudit({ audit }: Exchange, parts: Parts): void {
  parts.audit.admit();
  audit.state = 'open';
}
