import { StrongroomError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Document, SealedDocuments } from '../../store/sealed_documents.ts';
import { storeTampered } from '../../store/store_refusal.ts';
import { Directory, type DirectorySource } from './directory.ts';
import type { DirectoryObjects } from './directory_objects.ts';

export type ObjectKind = keyof DirectoryObjects;
export type ObjectOf<K extends ObjectKind> = DirectoryObjects[K][number];

interface Collection<K extends ObjectKind> {
  readonly name: string;
  /** What no two objects of the kind may share is the id of the document, so that no two servers can make both. */
  readonly keyOf: (object: ObjectOf<K>) => string;
}

const COLLECTIONS: { readonly [K in ObjectKind]: Collection<K> } = {
  tenants: { name: 'tenant', keyOf: ({ id }) => id },
  applications: { name: 'application', keyOf: ({ clientId }) => clientId },
  servicePrincipals: { name: 'service_principal', keyOf: ({ tenantId, clientId }) => `${tenantId} ${clientId}` },
  users: { name: 'user', keyOf: ({ tenantId, userPrincipalName }) => `${tenantId} ${userPrincipalName}` },
  groups: { name: 'group', keyOf: ({ id }) => id },
};
const KINDS = Object.keys(COLLECTIONS) as ObjectKind[];
const MOST_ATTEMPTS = 10;
const RETRY_MS = 1_000;

type Seen = { [K in ObjectKind]: ReadonlyMap<string, Document<ObjectOf<K>>> };

/**
 * The directory as the store has it, in memory as a whole. Changes of this server and readings of what others have changed take turns, so
 * that nothing older replaces something newer.
 */
export class StoredDirectory implements DirectorySource {
  readonly #documents: SealedDocuments;
  readonly #homeTenantId: string;
  readonly #onTrouble: (error: unknown) => void;
  #seen: Seen;
  #current: Directory;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(documents: SealedDocuments, homeTenantId: string, onTrouble: (error: unknown) => void) {
    this.#documents = documents;
    this.#homeTenantId = homeTenantId;
    this.#onTrouble = onTrouble;
    this.#seen = {
      tenants: new Map(),
      applications: new Map(),
      servicePrincipals: new Map(),
      users: new Map(),
      groups: new Map(),
    };
    this.#current = this.#build();
  }

  /** `onTrouble` hears of changes by others that could not be read; they are tried again. @throws StrongroomError `StoreTampered`, `ServiceUnavailable` */
  static async open(
    documents: SealedDocuments,
    homeTenantId: string,
    onTrouble: (error: unknown) => void,
  ): Promise<StoredDirectory> {
    const directory = new StoredDirectory(documents, homeTenantId, onTrouble);
    for (const kind of KINDS) documents.onChanged(COLLECTIONS[kind].name, () => directory.#readAgain(kind));
    for (const kind of KINDS) await directory.#inTurn(() => directory.#read(kind));
    return directory;
  }

  get current(): Directory {
    return this.#current;
  }

  /** @throws StrongroomError `Conflict` (`ObjectExists`), or `BadParameter` when there are too many */
  add<K extends ObjectKind>(kind: K, object: ObjectOf<K>): Promise<void> {
    const { name, keyOf } = COLLECTIONS[kind];
    const key = keyOf(object);
    return this.#inTurn(async () => {
      if (this.#seen[kind].size >= LIMITS.directoryObjectsPerKind) throw tooMany();
      try {
        this.#remember(kind, key, await this.#documents.add(name, key, object));
      } catch (error) {
        if (!isChanged(error)) throw error;
        this.#remember(kind, key, await this.#documents.find<ObjectOf<K>>(name, key));
        throw new StrongroomError('Conflict', 'There is one of that name already.', { innerCode: 'ObjectExists' });
      }
    });
  }

  /**
   * `plan` is given what is there, and may be asked again when another server was first.
   * @throws StrongroomError `NotFound` when it is gone
   */
  change<K extends ObjectKind>(
    kind: K,
    object: ObjectOf<K>,
    plan: (object: ObjectOf<K>) => ObjectOf<K>,
  ): Promise<void> {
    return this.#inTurn(() =>
      this.#attempt(kind, object, async (key, found) => {
        const content = plan(found.content);
        this.#remember(kind, key, await this.#documents.replace(COLLECTIONS[kind].name, { ...found, content }));
      }),
    );
  }

  /** @throws StrongroomError `NotFound` when it is gone already */
  remove<K extends ObjectKind>(kind: K, object: ObjectOf<K>): Promise<void> {
    return this.#inTurn(() =>
      this.#attempt(kind, object, async (key, { revision }) => {
        await this.#documents.remove(COLLECTIONS[kind].name, key, revision);
        this.#remember(kind, key, undefined);
      }),
    );
  }

  async #attempt<K extends ObjectKind>(
    kind: K,
    object: ObjectOf<K>,
    act: (key: string, found: Document<ObjectOf<K>>) => Promise<void>,
  ): Promise<void> {
    const { name, keyOf } = COLLECTIONS[kind];
    const key = keyOf(object);
    for (let attempt = 1; ; attempt++) {
      const found = await this.#documents.find<ObjectOf<K>>(name, key);
      this.#remember(kind, key, found);
      if (found === undefined) throw new StrongroomError('NotFound', 'It is not in the directory any more.');
      try {
        await act(key, found);
        return;
      } catch (error) {
        if (!isChanged(error) || attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  #remember<K extends ObjectKind>(kind: K, key: string, document: Document<ObjectOf<K>> | undefined): void {
    const known = new Map<string, Document<ObjectOf<K>>>(this.#seen[kind]);
    requireNoOlder(known.get(key), document);
    if (document === undefined) known.delete(key);
    else known.set(key, document);
    this.#replace(kind, known);
  }

  #replace<K extends ObjectKind>(kind: K, documents: ReadonlyMap<string, Document<ObjectOf<K>>>): void {
    this.#seen = { ...this.#seen, [kind]: documents };
    this.#current = this.#build();
  }

  #build(): Directory {
    const contents = <K extends ObjectKind>(kind: K): ObjectOf<K>[] =>
      [...this.#seen[kind].values()].map(({ content }) => content);
    return new Directory(this.#homeTenantId, {
      tenants: contents('tenants'),
      applications: contents('applications'),
      servicePrincipals: contents('servicePrincipals'),
      users: contents('users'),
      groups: contents('groups'),
    });
  }

  async #read<K extends ObjectKind>(kind: K): Promise<void> {
    const documents = await this.#documents.list<ObjectOf<K>>(COLLECTIONS[kind].name);
    for (const document of documents) requireNoOlder(this.#seen[kind].get(document.id), document);
    this.#replace(kind, new Map(documents.map((each) => [each.id, each])));
  }

  /** What is known stays in use until it can be read: without the store no key can be used either. */
  #readAgain(kind: ObjectKind): void {
    this.#inTurn(() => this.#read(kind)).catch((error: unknown) => {
      this.#onTrouble(error);
      setTimeout(() => this.#readAgain(kind), RETRY_MS).unref();
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** Whoever brings an old document back, of a user from before they were disabled say, is found out; one of another object is a new one. */
function requireNoOlder<T extends { readonly id: string }>(seen?: Document<T>, found?: Document<T>): void {
  if (seen === undefined || found === undefined || seen.content.id !== found.content.id) return;
  if (seen.revision <= found.revision) return;
  throw storeTampered(new Error(`The document ${found.id} of the directory is older than it was before`));
}

function isChanged(error: unknown): boolean {
  return error instanceof StrongroomError && error.innerCode === 'DocumentChanged';
}

function tooMany(): StrongroomError {
  const message = `The directory holds no more than ${LIMITS.directoryObjectsPerKind} objects of a kind.`;
  return new StrongroomError('BadParameter', message, { innerCode: 'DirectoryQuotaExceeded' });
}
