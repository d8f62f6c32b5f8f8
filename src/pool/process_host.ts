import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { HSM_HOST_DESCRIPTORS, HSM_HOST_PATH } from '../pkcs11/binding.ts';
import { vendorEnvironment } from '../pkcs11/vendor_environment.ts';
import { sharedDoorbell } from './doorbell.ts';
import { type HostPlace, RingHost } from './ring_host.ts';

export interface HostLanesOptions extends HostPlace {
  readonly module: string;
  readonly forceLogin: boolean;
  /** Zeroised as soon as it has been handed over. */
  readonly pin: Uint8Array;
}

export interface ProcessHostOptions extends HostLanesOptions {
  /** Variables for the vendor library, beside the few that it inherits. */
  readonly environment: Readonly<Record<string, string>>;
}

const PAGE_BYTES = 4096;

/** Lanes in a process of their own: whatever the vendor library does there, SIGKILL ends it. */
export class ProcessHost extends RingHost {
  readonly isolation = 'process';
  readonly #child: ChildProcess;
  #reason: string | undefined;
  #exited = false;

  constructor(options: ProcessHostOptions) {
    super(options);
    const stdio: ('pipe' | 'ignore' | 'inherit' | number)[] = ['pipe', 'ignore', 'inherit'];
    stdio[HSM_HOST_DESCRIPTORS.memory] = this.native.memoryFd;
    stdio[HSM_HOST_DESCRIPTORS.doorbell] = sharedDoorbell().native.fd;
    this.#child = spawn(HSM_HOST_PATH, [], { stdio, env: vendorEnvironment(options.environment), cwd: '/' });
    this.#child.once('error', (error) => this.#gone(`it could not be started: ${error.message}`));
    this.#child.once('exit', (code, signal) =>
      this.#gone(signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`),
    );
    const input = this.#child.stdin as Writable;
    // A host that dies while it is being told its settings says so by its exit.
    input.on('error', () => undefined);
    const settings = encodeSettings(options);
    input.end(settings, () => settings.fill(0));
    options.pin.fill(0);
    this.#child.unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  residentBytes(): number | undefined {
    try {
      // The second number of statm is the resident size, in pages (proc(5)).
      const pages = readFileSync(`/proc/${this.pid}/statm`, 'latin1').split(' ')[1];
      return Number(pages) * PAGE_BYTES;
    } catch {
      return undefined;
    }
  }

  kill(reason: string): void {
    this.#reason ??= reason;
    this.drain();
    this.#child.kill('SIGKILL');
  }

  /** The host ends by itself once its ring is closed: it finalises the library and exits. */
  async stop(graceMs: number, reason: string): Promise<void> {
    if (this.#exited) return;
    this.#child.ref();
    const exited = once(this.#child, 'exit');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    this.drain();
    this.ended({ reason, expected: true });
    await exited;
    clearTimeout(timer);
  }

  #gone(how: string): void {
    this.#exited = true;
    this.ended({ reason: this.#reason ?? how, expected: false });
  }
}

/** Five strings, each as u32 length and bytes (binding.ts). */
function encodeSettings(options: HostLanesOptions): Buffer {
  const fields = [
    Buffer.from(options.module, 'utf8'),
    Buffer.from(options.token.serial, 'utf8'),
    options.pin,
    Buffer.from(options.forceLogin ? '1' : '0'),
    Buffer.from(String(options.lanes.most)),
  ];
  const settings = Buffer.alloc(fields.reduce((sum, field) => sum + 4 + field.length, 0));
  let at = 0;
  for (const field of fields) {
    at = settings.writeUInt32LE(field.length, at);
    settings.set(field, at);
    at += field.length;
  }
  return settings;
}
