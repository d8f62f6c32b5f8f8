/**
 * One start at a time per token, over all pools of the process: two instances of a module that start at the same moment on one
 * SoftHSM token race with each other, and a login that fails counts only once when it is not tried twice.
 */
const LAST_STARTS = new Map<string, Promise<unknown>>();

export async function oneAtATime<Result>(token: string, start: () => Promise<Result>): Promise<Result> {
  const before = LAST_STARTS.get(token) ?? Promise.resolve();
  const mine = before.then(start, start);
  LAST_STARTS.set(token, mine);
  try {
    return await mine;
  } finally {
    if (LAST_STARTS.get(token) === mine) LAST_STARTS.delete(token);
  }
}
