import type { ClientConfig } from 'pg';
import { choosePrimary, type Primary } from './choose_primary.ts';
import { nameOfHost, type PostgresAddress, type PostgresHost } from './postgres_address.ts';
import { NotPrimary } from './postgres_failure.ts';
import { PostgresProbe } from './postgres_probe.ts';
import type { Standing } from './postgres_standing.ts';

/** Whose connections are to the host that changes go to. */
export interface Follower {
  /** Another host is the primary: whatever still goes on at the former one must not come about. */
  moved(): void;
  /** The host was silent for a while and answers again: connections from before may never do. */
  renewed(): void;
}

export interface PrimaryOptions {
  readonly address: PostgresAddress;
  /** Asked for each new connection. */
  readonly password: (() => Promise<string>) | undefined;
}

/**
 * Which host of an address changes go to. Of several, each is asked all the time what it is, so that a standby that was promoted is found
 * without its predecessor's help. A former primary that comes back is told by its timeline, and gets nothing any more.
 */
export class PostgresPrimary {
  readonly #options: PrimaryOptions;
  readonly #probes: ReadonlyMap<PostgresHost, PostgresProbe>;
  readonly #followers = new Set<Follower>();
  readonly #begun = Promise.withResolvers<void>();
  #current: Primary<PostgresHost> | undefined;
  #isSplit = false;
  #wasSilent = false;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    const { hosts } = options.address;
    const [only, ...others] = hosts;
    if (only !== undefined && others.length === 0) {
      this.#current = { host: only, term: undefined };
      this.#probes = new Map();
      this.#begun.resolve();
      return;
    }
    const probe = (host: PostgresHost): PostgresProbe =>
      new PostgresProbe(this.connectionTo(host), () => this.#answered(host));
    this.#probes = new Map(hosts.map((host) => [host, probe(host)]));
  }

  /** What a connection to that host needs to know. */
  connectionTo(host: PostgresHost): ClientConfig {
    const { address, password } = this.#options;
    return { ...host, user: address.user, database: address.database, ...(password !== undefined && { password }) };
  }

  follow(follower: Follower): void {
    this.#followers.add(follower);
  }

  /** The host that changes go to now. @throws NotPrimary while there is none; Error where nobody can be reached */
  async host(): Promise<PostgresHost> {
    await this.#begun.promise;
    if (this.#current === undefined) throw this.#noPrimary();
    const { host } = this.#current;
    if (this.#probes.get(host)?.standing?.standsBy === true) throw new NotPrimary(`${nameOfHost(host)} stands by`);
    return host;
  }

  /** Asked about each new connection, before it is used. @throws NotPrimary where nothing may be asked of that host */
  admit(host: PostgresHost, { standsBy, term }: Standing): void {
    if (standsBy) throw new NotPrimary(`${nameOfHost(host)} stands by`);
    const known = this.#current?.term;
    if (this.#current?.host !== host) throw new NotPrimary(`${nameOfHost(host)} is not the primary any more`);
    if (known !== undefined && term?.system !== known.system) {
      throw new NotPrimary(`${nameOfHost(host)} has another database than before`);
    }
    if (known !== undefined && term !== undefined && term.timeline < known.timeline) {
      throw new NotPrimary(`${nameOfHost(host)} was primary before timeline ${known.timeline}, and is not any more`);
    }
    this.#choose({ host, term });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#probes.values()].map((probe) => probe.close()));
  }

  #answered(host: PostgresHost): void {
    const probes = [...this.#probes];
    // The first choice is made when everybody has been asked: the first who answers may be a former primary.
    if (this.#current === undefined && !probes.every(([, probe]) => probe.hasAnswered)) return;
    const seen = probes.map(([each, { standing }]) => ({ host: each, standing }));
    const chosen = choosePrimary(this.#current, seen);
    this.#isSplit = chosen === 'split';
    if (chosen !== undefined && chosen !== 'split') this.#choose(chosen);
    this.#begun.resolve();
    if (host === this.#current?.host) this.#watchSilence(this.#probes.get(host)?.standing === undefined);
  }

  #choose(chosen: Primary<PostgresHost>): void {
    const before = this.#current;
    this.#current = chosen;
    if (before === undefined) return;
    const isNewTerm = before.term !== undefined && chosen.term?.timeline !== before.term.timeline;
    if (chosen.host === before.host && !isNewTerm) return;
    this.#wasSilent = false;
    for (const follower of this.#followers) follower.moved();
  }

  #watchSilence(isSilent: boolean): void {
    if (this.#wasSilent && !isSilent) for (const follower of this.#followers) follower.renewed();
    this.#wasSilent = isSilent;
  }

  #noPrimary(): Error {
    const probes = [...this.#probes];
    if (this.#isSplit) return new Error('more than one host takes changes, and none of them comes after the other');
    const words = probes.map(([host, { failure }]) => {
      const reason = failure instanceof Error ? failure.message : 'takes no changes';
      return `${nameOfHost(host)}: ${reason}`;
    });
    const someAnswer = probes.some(([, { standing }]) => standing !== undefined);
    return someAnswer ? new NotPrimary(words.join(', ')) : new Error(words.join(', '));
  }
}
