import { RecencyList, type Recent } from './recency_list.ts';

/** An object of a key in one instance of the vendor library, from the moment that it is wanted. */
export class HostObject implements Recent<HostObject> {
  readonly name: string;
  /** 0 until the object is there. */
  handle = 0;
  /** Made for us alone, and to be destroyed when it leaves. */
  transient = false;
  /** While it is brought there; fails with what kept it from coming. */
  ready: Promise<void> | undefined = undefined;
  /** Operations that hold it. */
  leases = 0;
  /** It was replaced or the instance does not know it any more: the last lease ends it. */
  dropped = false;
  older: HostObject | undefined = undefined;
  newer: HostObject | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * The objects of keys in one instance, by name, up to a bound: the one that was used longest ago leaves first, and one that is in use
 * never. Where all are in use the bound is passed by as many, until they are given back; the instance itself bounds how many that can be.
 */
export class HostObjects {
  readonly #objects = new Map<string, HostObject>();
  readonly #recency = new RecencyList<HostObject>();
  readonly #limit: number;
  /** An object leaves: its handle is to be ended. */
  readonly #onEvicted: (object: HostObject) => void;

  constructor(limit: number, onEvicted: (object: HostObject) => void) {
    this.#limit = limit;
    this.#onEvicted = onEvicted;
  }

  get size(): number {
    return this.#objects.size;
  }

  find(name: string): HostObject | undefined {
    return this.#objects.get(name);
  }

  add(object: HostObject): void {
    this.#objects.set(object.name, object);
    this.#recency.add(object);
    if (this.#objects.size > this.#limit) this.#evict();
  }

  /** For use, once more. */
  lease(object: HostObject): void {
    object.leases += 1;
    this.#recency.touch(object);
  }

  giveBack(object: HostObject): void {
    object.leases -= 1;
    if (object.leases > 0) return;
    if (!object.dropped) {
      if (this.#objects.size > this.#limit) this.#evict();
    } else if (object.handle !== 0) this.#onEvicted(object);
  }

  /** It is not to be found any more; who has it keeps it until he gives it back. */
  drop(object: HostObject): void {
    if (object.dropped) return;
    object.dropped = true;
    this.#objects.delete(object.name);
    this.#recency.remove(object);
  }

  /** It leaves: as soon as it is given back, where it is in use. */
  discard(object: HostObject): void {
    this.drop(object);
    if (object.leases === 0) this.#onEvicted(object);
  }

  /** All leave. */
  clear(): void {
    for (const object of [...this.#objects.values()]) this.discard(object);
  }

  #evict(): void {
    let object = this.#recency.oldest;
    while (object !== undefined && this.#objects.size > this.#limit) {
      const { newer } = object as HostObject;
      if (object.leases === 0) {
        this.drop(object);
        this.#onEvicted(object);
      }
      object = newer;
    }
  }
}
