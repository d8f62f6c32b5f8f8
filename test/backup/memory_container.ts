import type { BackupContainer } from '../../src/backup/backup_container.ts';

/** What was written, to be looked at and spoilt. */
export class MemoryContainer implements BackupContainer {
  readonly uri = 'memory:';
  readonly blobs = new Map<string, Uint8Array>();

  async write(path: string, bytes: Uint8Array): Promise<void> {
    this.blobs.set(path, Uint8Array.from(bytes));
  }

  async read(path: string, mostBytes: number): Promise<Uint8Array | undefined> {
    return this.blobs.get(path)?.slice(0, mostBytes + 1);
  }

  async check(): Promise<void> {}
}
