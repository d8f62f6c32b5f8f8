import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { AsyncContender, Perform } from './contender.ts';
import { type OpenEngine, openEngine, type PoolSetup } from './open_engine.ts';
import { serveContender } from './serve_contender.ts';

const SLOTS = 1_024;
const SPEC = { keyType: 'EC-HSM', curve: 'P-256' } as const;

/** New keys, one after the other, without HTTPS around it; each is on disk when it is answered. */
class EngineCreation implements AsyncContender<PoolSetup> {
  readonly style = 'async';
  readonly slots = SLOTS;
  #opened!: OpenEngine;
  #engine!: KeyEngine;
  #made = 0;

  async open(setup: PoolSetup): Promise<void> {
    this.#opened = await openEngine(setup);
    this.#engine = await KeyEngine.open({ ...this.#opened, limits: { keys: Number.MAX_SAFE_INTEGER } });
  }

  perform(): Perform {
    return () => this.#engine.createKey({ name: `made-${this.#made++}`, spec: SPEC });
  }

  async close(): Promise<void> {
    await this.#engine.close();
    await this.#opened.close();
  }
}

await serveContender(new EngineCreation());
