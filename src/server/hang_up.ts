import type { ServerResponse } from 'node:http';

/** Aborted when the caller's connection ends before the answer is sent. For work that is worth ending then: it costs a listener. */
export function hangUpSignal(outgoing: ServerResponse): AbortSignal {
  const hangUp = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) hangUp.abort();
  });
  if (outgoing.destroyed) hangUp.abort();
  return hangUp.signal;
}
