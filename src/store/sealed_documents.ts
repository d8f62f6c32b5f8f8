import { StrongroomError } from '../model/errors.ts';
import { Passage } from './passage.ts';
import { sealedDocumentBytes } from './record_seal.ts';
import type { DocumentChange, DocumentRecord, DocumentStore, Epoch, SealedDocument } from './store.ts';
import { storeTampered } from './store_refusal.ts';

export interface Document<Content> {
  readonly id: string;
  readonly content: Content;
  /** Counts its changes; who changes it names the one that he has seen. */
  readonly revision: number;
}

/** What gives seals and knows them again: the pool. */
export interface Sealer {
  seal(bytes: Uint8Array): Promise<Uint8Array>;
  verifySeal(bytes: Uint8Array, seal: Uint8Array): Promise<boolean>;
}

/**
 * Documents as they are read and written: nothing comes out whose seal has not been checked, and nothing is stored without one. What a
 * content looks like is between those who write a collection and those who read it; it survives as JSON.
 */
export class SealedDocuments {
  readonly #sealer: Sealer;
  readonly #store: DocumentStore;
  readonly #epoch: Epoch | undefined;
  readonly #passage: Passage;

  /** With an epoch, what is changed is of that of the moment: refused with `Conflict` (`RestoreInProgress`) once everything has been replaced. */
  constructor(sealer: Sealer, store: DocumentStore, epoch?: Epoch, passage = new Passage()) {
    this.#sealer = sealer;
    this.#store = store;
    this.#epoch = epoch;
    this.#passage = passage;
  }

  /** The same documents, for those who change what a restore replaces. */
  within(epoch: Epoch): SealedDocuments {
    return new SealedDocuments(this.#sealer, this.#store, epoch, this.#passage);
  }

  /** @throws StrongroomError `StoreTampered`, `ServiceUnavailable` */
  async find<Content>(collection: string, id: string): Promise<Document<Content> | undefined> {
    return this.#passage.through(async () => {
      const sealed = await this.#store.findDocument(collection, id);
      return sealed === undefined ? undefined : this.#checked<Content>(sealed, collection, id);
    });
  }

  /** All of a collection, by id. @throws StrongroomError `StoreTampered`, `ServiceUnavailable` */
  async list<Content>(collection: string): Promise<Document<Content>[]> {
    return this.#passage.through(async () => {
      const all = await this.#store.listDocuments(collection);
      return Promise.all(all.map((sealed) => this.#checked<Content>(sealed, collection, sealed.record.id)));
    });
  }

  /** @throws StrongroomError `Conflict` (`DocumentChanged`) when there is one already */
  add<Content>(collection: string, id: string, content: Content): Promise<Document<Content>> {
    return this.#put(collection, { id, content, revision: 1 }, undefined);
  }

  /** The document's revision is the one that was seen. @throws StrongroomError `Conflict` (`DocumentChanged`) */
  replace<Content>(collection: string, { id, content, revision }: Document<Content>): Promise<Document<Content>> {
    return this.#put(collection, { id, content, revision: revision + 1 }, revision);
  }

  /** @throws StrongroomError `Conflict` (`DocumentChanged`) */
  async remove(collection: string, id: string, revision: number): Promise<void> {
    await this.#passage.through(() =>
      this.#change({ collection, id, expectedRevision: revision, document: undefined }),
    );
  }

  /** Nobody reads or writes a document through this while the work goes on; who wants to waits for its end. */
  whileUntouched<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#passage.alone(work);
  }

  /** Calls back when another server may have changed a document of the collection, within a second. */
  onChanged(collection: string, listener: () => void): void {
    this.#store.onDocumentsChanged((collections) => {
      if (collections === undefined || collections.includes(collection)) listener();
    });
  }

  /** What makes it the document that it is, for a transaction that does more than this. `seen` is the revision in whose place it comes. */
  async changeTo(
    collection: string,
    { id, content, revision }: Document<unknown>,
    seen: number | undefined,
  ): Promise<DocumentChange> {
    const record: DocumentRecord = { collection, id, content: JSON.stringify(content), revision };
    const document = { record, seal: await this.#sealer.seal(sealedDocumentBytes(record)) };
    return { collection, id, expectedRevision: seen, document };
  }

  async #put<Content>(
    collection: string,
    document: Document<Content>,
    expectedRevision: number | undefined,
  ): Promise<Document<Content>> {
    await this.#passage.through(async () => this.#change(await this.changeTo(collection, document, expectedRevision)));
    return document;
  }

  /** Where the store does not know whether it has taken the change, it is asked. */
  async #change(change: DocumentChange): Promise<void> {
    try {
      await this.#store.changeDocument({ ...change, epoch: this.#epoch?.current });
    } catch (error) {
      const unknown = error instanceof StrongroomError && error.code === 'OutcomeUnknown';
      if (!unknown || !(await this.#isDone(change).catch(() => false))) throw error;
    }
  }

  async #isDone(change: DocumentChange): Promise<boolean> {
    const isThere = await this.#canBeRead(change);
    if (isThere) await this.#store.confirm();
    return isThere;
  }

  async #canBeRead({ collection, id, document }: DocumentChange): Promise<boolean> {
    const found = await this.#store.findDocument(collection, id);
    if (document === undefined || found === undefined) return document === found;
    const { content, revision } = document.record;
    return found.record.revision === revision && found.record.content === content;
  }

  async #checked<Content>(
    { record, seal }: SealedDocument,
    collection: string,
    id: string,
  ): Promise<Document<Content>> {
    const asked = record.collection === collection && record.id === id;
    if (!asked || !(await this.#sealer.verifySeal(sealedDocumentBytes(record), seal))) {
      throw storeTampered(new Error(`The document ${collection}/${id} is not what was stored`));
    }
    return { id, content: JSON.parse(record.content) as Content, revision: record.revision };
  }
}
