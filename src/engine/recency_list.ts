/** A member of a RecencyList, which alone writes these fields. */
export interface Recent<Self> {
  older: Self | undefined;
  newer: Self | undefined;
}

/** Things in the order of their last use. The links are in the things themselves: to be used again costs a few assignments. */
export class RecencyList<Thing extends Recent<Thing>> {
  #oldest: Thing | undefined;
  #newest: Thing | undefined;

  get oldest(): Thing | undefined {
    return this.#oldest;
  }

  add(thing: Thing): void {
    thing.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = thing;
    else this.#newest.newer = thing;
    this.#newest = thing;
  }

  /** It has been used: it becomes the newest. Only for what is in the list. */
  touch(thing: Thing): void {
    if (thing === this.#newest) return;
    this.remove(thing);
    this.add(thing);
  }

  /** Only for what is in the list. */
  remove(thing: Thing): void {
    const { older, newer } = thing;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    thing.older = undefined;
    thing.newer = undefined;
  }
}
