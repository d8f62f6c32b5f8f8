import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/** Will it be on record? Before anything else: while the log takes nothing, nothing is done. */
export function openAudit({ audit, incoming }: Exchange, parts: Parts): void {
  audit.callerAddress = incoming.socket.remoteAddress;
  parts.audit.admit();
  audit.state = 'open';
}
