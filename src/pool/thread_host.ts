import { type NativeThreadHost, nativeAddon } from '../pkcs11/binding.ts';
import type { HostLanesOptions } from './process_host.ts';
import { RingHost } from './ring_host.ts';

export interface ThreadHostOptions extends HostLanesOptions {
  /** Loads a copy of the module of its own, so that it shares no lock with the other hosts of the process. */
  readonly privateCopy: boolean;
}

/**
 * Lanes as threads of this process, for embedders that want no child process. A call that never returns cannot be ended here:
 * its thread, and the ring that it may still write to, stay until the process ends.
 */
export class ThreadHost extends RingHost {
  readonly isolation = 'thread';
  readonly pid = undefined;
  readonly #threads: NativeThreadHost;

  constructor(options: ThreadHostOptions) {
    super(options);
    const { module, token, pin, privateCopy, forceLogin } = options;
    const tokenSerial = token.serial;
    this.#threads = new (nativeAddon().ThreadHost)(this.native, { module, tokenSerial, pin, privateCopy, forceLogin });
    pin.fill(0);
  }

  residentBytes(): undefined {
    return undefined;
  }

  /** What its lanes are at is given up; they end when the vendor library lets them. */
  kill(reason: string): void {
    this.drain();
    this.ended({ reason, expected: false });
  }

  async stop(graceMs: number, reason: string): Promise<void> {
    if (this.end !== undefined) return;
    this.drain();
    const stopped = this.#threads.stop();
    this.ended({ reason, expected: true });
    const { promise: patience, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, graceMs);
    await Promise.race([stopped, patience]);
    clearTimeout(timer);
  }
}
