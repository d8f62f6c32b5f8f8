import { type KeyObject, randomUUID } from 'node:crypto';
import type { AuditEvent } from '../model/audit_event.ts';
import { LIMITS } from '../model/limits.ts';
import { AppendQueue, unavailable } from './append_queue.ts';
import {
  type AuditPlace,
  EventWriter,
  interruptionMembers,
  type LineRange,
  type OpeningReason,
  openingMembers,
} from './audit_line.ts';
import { HashChain, NO_HASH } from './hash_chain.ts';
import { HeadKeeper } from './head_keeper.ts';
import type { HeadCopy, Ledger, LineCopy, OnTrouble } from './ledger.ts';
import { MerkleTree } from './merkle_tree.ts';
import { type HeadSigner, headMembers, type SignedHead } from './tree_head.ts';

export interface AuditLogOptions {
  readonly ledger: Ledger;
  readonly place: AuditPlace;
  readonly signer: HeadSigner;
  /** Verifies what the signer gives. */
  readonly publicKey: KeyObject;
  /** After how many lines a head is signed, and after how long. */
  readonly headEvery?: { readonly records: number; readonly ms: number } | undefined;
  /** A file is followed by another when it is as long as this. */
  readonly fileBytes?: number | undefined;
  readonly deadlineMs?: number | undefined;
  /** How long the first line may take: nobody waits for an answer yet. */
  readonly openingMs?: number | undefined;
  readonly copies?: readonly LineCopy[] | undefined;
  readonly headCopies?: readonly HeadCopy[] | undefined;
  readonly onTrouble: OnTrouble;
}

const HEAD_EVERY = { records: LIMITS.auditLinesPerHead, ms: LIMITS.auditHeadMs };

/**
 * What happened: one line for each event, chained by hash, with the head of the tree over all of them signed in the HSM from time to time.
 * A log goes on where it ended, for as long as its directory and its token are there.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #chain: HashChain;
  readonly #writer: EventWriter;
  readonly #queue: AppendQueue;
  readonly #heads: HeadKeeper;
  readonly #fileBytesMost: number;
  #fileBytes: number;
  #headKept: Promise<void> = Promise.resolve();
  #refused = 0;
  #closed = false;

  private constructor(options: AuditLogOptions) {
    const { ledger, signer, headEvery = HEAD_EVERY, onTrouble } = options;
    const { state, bytes } = ledger.origin.tail ?? {
      state: { chain: randomUUID(), previousHash: NO_HASH, tree: new MerkleTree() },
      bytes: 0,
    };
    this.#options = options;
    this.#chain = new HashChain(state);
    this.#writer = new EventWriter(options.place);
    this.#fileBytes = bytes;
    this.#fileBytesMost = options.fileBytes ?? LIMITS.auditFileBytes;
    this.#queue = new AppendQueue({
      ledger,
      deadlineMs: options.deadlineMs ?? LIMITS.auditDeadlineMs,
      onTaken: (batch) => {
        for (const copy of options.copies ?? []) copy.offer(batch);
      },
      onRecovered: (late) => this.#tellInterruption(late),
      onTrouble,
    });
    this.#heads = new HeadKeeper({
      chain: this.#chain,
      signer,
      everyRecords: headEvery.records,
      everyMs: headEvery.ms,
      onSigned: (head) => {
        this.#headKept = this.#keepHead(head);
      },
      onTrouble,
    });
  }

  /**
   * Its first line is written when it resolves: what cannot be written to is no log.
   * @throws StrongroomError `ServiceUnavailable` (`AuditUnavailable`)
   */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const log = new AuditLog(options);
    const { tail, follows } = options.ledger.origin;
    const first = follows?.reason ?? 'new';
    try {
      const { openingMs = LIMITS.auditOpeningMs } = options;
      await log.#begin(tail === undefined ? first : 'restart', tail?.tornBytes ?? 0, openingMs);
      return log;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** The name that no other log has. */
  get chain(): string {
    return this.#chain.chain;
  }

  get isTaking(): boolean {
    return !this.#closed && !this.#queue.isStuck && this.#queue.length < LIMITS.auditLinesWaiting;
  }

  /**
   * Asked before anything is done: while the log cannot be written, nothing is.
   * @throws StrongroomError `ServiceUnavailable` (`AuditUnavailable`)
   */
  admit(): void {
    if (this.isTaking) return;
    this.#refused++;
    throw unavailable();
  }

  /**
   * Resolves when the event is on record, as durably as the ledger was told. For what was let in there always is room.
   * @throws StrongroomError `ServiceUnavailable` (`AuditUnavailable`) when it is not within 250 ms. It still is recorded then, as soon as
   *   the ledger takes it, because what it tells of has been done.
   */
  record(event: AuditEvent): Promise<void> {
    if (this.#closed) return Promise.reject(unavailable());
    const taken = this.#append(this.#writer.members(event));
    this.#heads.note();
    return taken;
  }

  /** Has the last head signed, and waits until everything is written, for two seconds at most. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { ledger, copies = [] } = this.#options;
    await withinLimit(this.#heads.close());
    await this.#queue.drain(LIMITS.auditCloseMs);
    await withinLimit(this.#headKept);
    await withinLimit(ledger.close());
    await Promise.all(copies.map((copy) => withinLimit(copy.close())));
  }

  #append(members: string): Promise<void> {
    if (this.#fileBytes >= this.#fileBytesMost) void this.#begin('rotation', 0).catch(() => undefined);
    return this.#write(members, false);
  }

  #begin(reason: OpeningReason, tornBytes: number, deadlineMs?: number): Promise<void> {
    const { publicKey, ledger } = this.#options;
    const { place, follows: followed } = ledger.origin;
    const follows = reason === followed?.reason ? followed.end : undefined;
    const startsFile = reason !== 'restart';
    if (startsFile) this.#fileBytes = 0;
    const opening = { reason, tree: this.#chain.tree, publicKey, place, follows, tornBytes };
    const taken = this.#write(openingMembers(opening), startsFile, deadlineMs);
    this.#heads.note();
    return taken;
  }

  #write(members: string, startsFile: boolean, deadlineMs?: number): Promise<void> {
    const line = this.#chain.link(members);
    this.#fileBytes += line.length + 1;
    return this.#queue.add(line, this.#chain.size, startsFile, deadlineMs);
  }

  /** Elsewhere it is kept once the ledger has it, and with it all lines that it covers: one that ran ahead would bear false witness. */
  async #keepHead(head: SignedHead): Promise<void> {
    const { headCopies = [], onTrouble } = this.#options;
    try {
      await this.#append(headMembers(head));
      await Promise.all(headCopies.map((copy) => copy.keep(head)));
    } catch (error) {
      onTrouble('a head of the audit log could not be kept elsewhere', error);
    }
  }

  #tellInterruption(late: readonly LineRange[]): void {
    const refused = this.#refused;
    this.#refused = 0;
    void this.#append(interruptionMembers({ late, refused }));
    this.#heads.note();
  }
}

/** What does not answer must not keep the server from ending. */
async function withinLimit(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LIMITS.auditCloseMs);
  });
  try {
    await Promise.race([work.catch(() => undefined), over]);
  } finally {
    clearTimeout(timer);
  }
}
