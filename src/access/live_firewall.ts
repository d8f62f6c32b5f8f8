import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { LIMITS } from '../model/limits.ts';
import { Firewall } from './firewall.ts';
import { parseNetworkRules, readNetworkRulesFile } from './network_rules_file.ts';

/** What is told of rules that change. */
export interface RulesTidings {
  changed(): void;
  /** The file will not do, and the rules of before stay. Told again from time to time, for as long as it is so. */
  refused(error: Error): void;
}

/**
 * The firewall of a file that may change while it is in use. The file is looked at when its directory changes, when the process is told to
 * (SIGHUP), and every few seconds, because directories of networks and links into other directories change unnoticed.
 */
export class LiveFirewall {
  readonly #path: string;
  readonly #tidings: RulesTidings;
  readonly #poll: NodeJS.Timeout;
  readonly #watcher: FSWatcher | undefined;
  #current: Firewall;
  #text: string;
  #soon: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #refused: { readonly reason: string; readonly toldMs: number } | undefined;

  private constructor(path: string, text: string, tidings: RulesTidings) {
    this.#path = path;
    this.#text = text;
    this.#tidings = tidings;
    this.#current = new Firewall(parseNetworkRules(text));
    this.#poll = setInterval(this.look, LIMITS.networkRulesPollMs).unref();
    this.#watcher = watchDirectory(dirname(path), () => this.#lookSoon());
    process.on('SIGHUP', this.look);
  }

  /** @throws NetworkRulesError */
  static async open(path: string, tidings: RulesTidings): Promise<LiveFirewall> {
    return new LiveFirewall(path, await readNetworkRulesFile(path), tidings);
  }

  /** By the rules as they are now. */
  get current(): Firewall {
    return this.#current;
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#soon);
    this.#watcher?.close();
    process.off('SIGHUP', this.look);
  }

  /** Resolves when the rules are those of the file, or the file has been refused. */
  readonly look = (): Promise<void> => {
    this.#looking = this.#looking.then(() => this.#takeOver());
    return this.#looking;
  };

  /** A change comes as several events, and a file that is written in place is not whole after the first. */
  #lookSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.look();
    }, LIMITS.networkRulesSettleMs).unref();
  }

  async #takeOver(): Promise<void> {
    try {
      const text = await readNetworkRulesFile(this.#path);
      if (text !== this.#text) {
        this.#current = new Firewall(parseNetworkRules(text));
        this.#text = text;
        this.#tidings.changed();
      }
      this.#refused = undefined;
    } catch (error) {
      this.#refuse(error as Error);
    }
  }

  #refuse(error: Error): void {
    const nowMs = performance.now();
    const isKnown =
      this.#refused?.reason === error.message && nowMs < this.#refused.toldMs + LIMITS.networkRulesReminderMs;
    if (isKnown) return;
    this.#refused = { reason: error.message, toldMs: nowMs };
    this.#tidings.refused(error);
  }
}

/** Nothing where the system has no watches left: then the file is looked at from time to time alone. */
function watchDirectory(path: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, { persistent: false }, onChange);
    return watcher.on('error', () => watcher.close());
  } catch {
    return undefined;
  }
}
