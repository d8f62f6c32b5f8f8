import type { KeyObjectRole } from '../model/algorithm.ts';
import { RING_OPERATION } from '../pkcs11/binding.ts';
import type { HsmHost } from '../pool/hsm_host.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import { ringRequest } from '../pool/ring_request.ts';
import { HostObject, HostObjects } from './host_objects.ts';
import { type LoadedKey, objectNames } from './loaded_key.ts';
import { bringObject } from './object_bringing.ts';

export interface CustodyStatus {
  /** Objects of keys that all instances hold. */
  readonly objects: number;
  readonly brought: number;
  readonly evicted: number;
  /** Objects that could not be destroyed, and stay until their session ends. */
  readonly destroyFailures: number;
}

/**
 * Where the keys are in use: which object of which key each instance of the vendor library holds, under which handle. What an instance
 * lacks is brought there once, however many ask for it; what was not used for longest makes room.
 */
export class KeyCustody {
  readonly #pool: HsmPool;
  readonly #limit: number;
  readonly #hosts = new Map<HsmHost, HostObjects>();
  #brought = 0;
  #evicted = 0;
  #destroyFailures = 0;

  constructor(pool: HsmPool, sessionObjectsPerHost: number) {
    this.#pool = pool;
    this.#limit = sessionObjectsPerHost;
    pool.onHostGone((host) => this.#hosts.delete(host));
  }

  holds(key: LoadedKey, role: KeyObjectRole, host: HsmHost): boolean {
    return this.#hosts.get(host)?.find(key.objectName(role)) !== undefined;
  }

  /** The object, to be given back. While its `ready` is there it has to be waited for; when that fails, it is given back all the same. */
  lease(key: LoadedKey, role: KeyObjectRole, host: HsmHost): HostObject {
    const objects = this.#hosts.get(host) ?? this.#begin(host);
    const object = objects.find(key.objectName(role)) ?? this.#bring(objects, key, role, host);
    objects.lease(object);
    return object;
  }

  giveBack(object: HostObject, host: HsmHost): void {
    this.#hosts.get(host)?.giveBack(object);
  }

  /** The instance does not know the handle any more: the next lease brings the object anew. */
  forget(object: HostObject, host: HsmHost): void {
    object.handle = 0;
    this.#hosts.get(host)?.drop(object);
  }

  /** The key version is purged: no instance goes on holding an object of it. */
  discard(objectId: Uint8Array): void {
    for (const name of objectNames(objectId)) {
      for (const objects of this.#hosts.values()) {
        const object = objects.find(name);
        if (object !== undefined) objects.discard(object);
      }
    }
  }

  /** What was made for us alone is destroyed, as the instances live on. */
  close(): void {
    for (const objects of this.#hosts.values()) objects.clear();
  }

  status(): CustodyStatus {
    let objects = 0;
    for (const each of this.#hosts.values()) objects += each.size;
    return { objects, brought: this.#brought, evicted: this.#evicted, destroyFailures: this.#destroyFailures };
  }

  #begin(host: HsmHost): HostObjects {
    // What a dead instance held would stay on the books for ever.
    if (!host.alive) throw new Error(`The HSM host ${host.id} takes no more work`);
    const objects = new HostObjects(this.#limit, (object) => this.#destroy(object, host));
    this.#hosts.set(host, objects);
    return objects;
  }

  #bring(objects: HostObjects, key: LoadedKey, role: KeyObjectRole, host: HsmHost): HostObject {
    const object = new HostObject(key.objectName(role));
    object.ready = bringObject(this.#pool, key.record, role, host).then(
      ({ handle, transient }) => {
        object.handle = handle;
        object.transient = transient;
        object.ready = undefined;
        this.#brought += 1;
      },
      (error: unknown) => {
        objects.drop(object);
        throw error;
      },
    );
    // Whoever waits for it hears of the failure; nobody may be waiting any more.
    object.ready.catch(() => undefined);
    // Held while it comes, so that it is not evicted before it is there.
    object.leases = 1;
    objects.add(object);
    const giveBack = (): void => objects.giveBack(object);
    object.ready.then(giveBack, giveBack);
    return object;
  }

  /** Nobody waits for it: the object is on nobody's books any more. */
  #destroy(object: HostObject, host: HsmHost): void {
    this.#evicted += 1;
    if (!object.transient || !host.alive) return;
    const request = ringRequest(RING_OPERATION.destroy, { object: object.handle });
    this.#pool.call(request, { host, effect: 'mutating' }).catch(() => {
      this.#destroyFailures += 1;
    });
  }
}
