/** Held while something is found out or done about a key. */
export interface Watch {
  readonly name: string;
  /** The key was changed meanwhile: what was found out may be old. */
  readonly stale: boolean;
}

/** Who is at work on which key, so that a change makes worthless what was read before it. */
export class ChangeWatch {
  readonly #watches = new Map<string, Set<{ name: string; stale: boolean }>>();

  begin(name: string): Watch {
    const watch = { name, stale: false };
    const others = this.#watches.get(name);
    if (others === undefined) this.#watches.set(name, new Set([watch]));
    else others.add(watch);
    return watch;
  }

  end(watch: Watch): void {
    const watches = this.#watches.get(watch.name);
    watches?.delete(watch);
    if (watches?.size === 0) this.#watches.delete(watch.name);
  }

  /** With undefined any key may have changed. */
  changed(name: string | undefined): void {
    const concerned = name === undefined ? this.#watches.values() : [this.#watches.get(name) ?? []];
    for (const watches of concerned) for (const watch of watches) watch.stale = true;
  }
}
