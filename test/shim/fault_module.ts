import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A PKCS#11 module that forwards to SoftHSM and does harm on demand (README.md beside this file). */
export const FAULT_MODULE = fileURLToPath(new URL('../../build/Release/fault_module.so', import.meta.url));

/** The rules that the module follows in the processes that have been given `environment`. */
export class FaultRules {
  /** What the module keeps for itself is beside it. */
  readonly path: string;

  constructor(directory: string, name = 'control') {
    this.path = join(directory, name);
  }

  get environment(): Record<string, string> {
    return { FAULT_MODULE_CONTROL: this.path };
  }

  /** These alone from now on, counted from the next call. A file that is written in place could be read half. */
  async set(...lines: readonly string[]): Promise<void> {
    const next = `${this.path}.next`;
    await writeFile(next, `${lines.join('\n')}\n`);
    await rename(next, this.path);
  }

  async clear(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
