import { StrongroomError } from '../model/errors.ts';
import type { Custodian } from './custodian.ts';
import type { DomainItem } from './domain_cipher.ts';
import { checkQuorum, closeDomain } from './security_domain.ts';

/** What made the pool active, and who was given its security domain last. */
export interface Activation {
  /** Unix seconds of the first download, or of the recovery. */
  readonly activated: number;
  /** Unix seconds of the last download from here. */
  readonly downloaded: number | undefined;
  /** SHA-256 of their certificates, base64url. Of a domain that came by a recovery they are not known. */
  readonly custodians: readonly string[];
  readonly required: number | undefined;
  /** The audit key that the pool had before a recovery, as `keyText` writes it: what it has signed is put aside. */
  readonly formerAuditKey?: string | undefined;
}

export interface DomainCustodyOptions {
  /** Undefined before the first download. */
  readonly activation: Activation | undefined;
  /** The pool serves without a download: nobody asked for a ceremony. */
  readonly needsNoCeremony: boolean;
  /** The pool keys for a security domain, out of the token. */
  readonly takeOut: () => Promise<readonly DomainItem[]>;
  /** Stores it, in place of the one of before. */
  readonly record: (activation: Activation) => Promise<void>;
}

export type DomainOperationState = 'None' | 'InProgress' | 'Success' | 'Failed';

/**
 * Who keeps the pool's keys beside its token (Azure API §1.21, §1.22): until custodians have been given the security domain, the pool is not
 * active, and does nothing else.
 */
export class DomainCustody {
  readonly #options: DomainCustodyOptions;
  #activation: Activation | undefined;
  #downloadState: DomainOperationState;

  constructor(options: DomainCustodyOptions) {
    this.#options = options;
    this.#activation = options.activation;
    this.#downloadState = options.activation?.downloaded === undefined ? 'None' : 'Success';
  }

  get isActive(): boolean {
    return this.#activation !== undefined || this.#options.needsNoCeremony;
  }

  get activation(): Activation | undefined {
    return this.#activation;
  }

  get downloadState(): DomainOperationState {
    return this.#downloadState;
  }

  /** Another server of the pool has given it out, or a recovery has brought it. */
  learn(activation: Activation | undefined): void {
    if (activation === undefined) return;
    this.#activation = activation;
    if (activation.downloaded !== undefined) this.#downloadState = 'Success';
  }

  /**
   * The security domain for these custodians, as the text of its file. The first one makes the pool active; later ones are the same keys for
   * others, until the pool is locked. One at a time.
   * @throws StrongroomError `BadParameter`, `Conflict` (`DownloadInProgress`), `ServiceUnavailable`
   */
  async download(custodians: readonly Custodian[], required: number, nowMs: number): Promise<string> {
    checkQuorum(custodians, required);
    if (this.#downloadState === 'InProgress') {
      throw new StrongroomError('Conflict', 'A download of the security domain is in progress.', {
        innerCode: 'DownloadInProgress',
      });
    }
    this.#downloadState = 'InProgress';
    try {
      const file = await closeDomain(await this.#options.takeOut(), custodians, required);
      const downloaded = Math.floor(nowMs / 1000);
      const activation: Activation = {
        activated: this.#activation?.activated ?? downloaded,
        downloaded,
        custodians: custodians.map(({ thumbprint }) => thumbprint),
        required,
        formerAuditKey: this.#activation?.formerAuditKey,
      };
      await this.#options.record(activation);
      this.#activation = activation;
      this.#downloadState = 'Success';
      return JSON.stringify(file);
    } catch (error) {
      this.#downloadState = 'Failed';
      throw error;
    }
  }
}
