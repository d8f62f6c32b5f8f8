import { StrongroomError } from '../model/errors.ts';
import type { DomainItem } from './domain_cipher.ts';
import type { DomainOperationState } from './domain_custody.ts';
import { parseRecoveryFile } from './domain_format.ts';
import { unpackRecovery } from './security_domain.ts';
import { newTransferKey, type TransferKey } from './transfer_key.ts';

export interface DomainRecoveryOptions {
  /** Whether the pool is active: then it has a security domain of its own. */
  readonly isActive: () => boolean;
  /** Throws when the pool holds what would be lost, or when the items are no pool keys. */
  readonly requireEmpty: () => Promise<void>;
  readonly requirePoolKeys: (items: readonly DomainItem[]) => void;
  /** Puts the pool keys of the domain in the place of those that the pool has. Rejects when the pool is as it was. */
  readonly recover: (items: readonly DomainItem[]) => Promise<void>;
  /** Told of what ended a recovery. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Recovery by upload (Azure API §1.21, §1.22): a pool that is not active takes the security domain of another one, out of the hands of a
 * quorum of that one's custodians, who encrypt it to a key of this process. What they send works once.
 */
export class DomainRecovery {
  readonly #options: DomainRecoveryOptions;
  #transferKey: Promise<TransferKey> | undefined;
  #uploadState: DomainOperationState = 'None';
  #ended: Promise<void> = Promise.resolve();

  constructor(options: DomainRecoveryOptions) {
    this.#options = options;
  }

  get uploadState(): DomainOperationState {
    return this.#uploadState;
  }

  /** Nothing else is done meanwhile. */
  get isRestoring(): boolean {
    return this.#uploadState === 'InProgress';
  }

  /** The same one until it has been of use. @throws StrongroomError `Conflict` (`HsmActivated`, `HsmNotEmpty`) */
  async transferKey(now: Date): Promise<TransferKey> {
    await this.#requireRecoverable();
    this.#transferKey ??= newTransferKey(now);
    return this.#transferKey;
  }

  /**
   * Begins the recovery; what becomes of it, `uploadState` tells.
   * @throws StrongroomError `BadParameter` (`SecurityDomainWrong`), `Conflict` (`HsmActivated`, `HsmNotEmpty`, `TransferKeyMissing`,
   *   `RestoreInProgress`)
   */
  async upload(text: string): Promise<void> {
    await this.#requireRecoverable();
    const transferKey = await this.#transferKey;
    if (transferKey === undefined) {
      throw new StrongroomError('Conflict', 'No transfer key has been asked for since this server was started.', {
        innerCode: 'TransferKeyMissing',
      });
    }
    const items = await unpackRecovery(parseRecoveryFile(text), transferKey);
    this.#options.requirePoolKeys(items);
    if (this.isRestoring) throw uploadInProgress();
    // It may have been activated meanwhile, and then a restore may have begun.
    this.#requireInactive();
    this.#uploadState = 'InProgress';
    this.#ended = this.#recover(items);
  }

  /** Resolves when no recovery is under way. */
  async close(): Promise<void> {
    await this.#ended;
    this.#transferKey = undefined;
  }

  async #recover(items: readonly DomainItem[]): Promise<void> {
    try {
      await this.#options.recover(items);
      this.#transferKey = undefined;
      this.#uploadState = 'Success';
    } catch (error) {
      this.#uploadState = 'Failed';
      this.#options.onFailure(error);
    }
  }

  async #requireRecoverable(): Promise<void> {
    this.#requireInactive();
    await this.#options.requireEmpty();
  }

  #requireInactive(): void {
    if (!this.#options.isActive()) return;
    throw new StrongroomError('Conflict', 'The HSM is active: it has a security domain, and takes no other.', {
      innerCode: 'HsmActivated',
    });
  }
}

function uploadInProgress(): StrongroomError {
  return new StrongroomError('Conflict', 'The recovery of an earlier upload is in progress.', {
    innerCode: 'RestoreInProgress',
  });
}
