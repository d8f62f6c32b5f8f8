import { KeyEngine } from '../../src/engine/key_engine.ts';
import { fillerName } from '../filler_name.ts';
import { fillStore } from './fill_store.ts';
import { type OpenEngine, openEngine, type PoolSetup } from './open_engine.ts';
import { serveCommands } from './serve_commands.ts';

export interface ManyKeysSetup extends PoolSetup {
  readonly keys: number;
}

/** What is done, `count` times, one after the other. */
export interface ManyKeysCommand {
  readonly command: 'create' | 'firstUse' | 'useAll';
  readonly count: number;
}

export interface ManyKeysSlice {
  readonly elapsedNs: number;
}

type Command = ({ readonly command: 'open' } & ManyKeysSetup) | ManyKeysCommand | { readonly command: 'close' };

const INPUT = new Uint8Array(64).fill(1);
/** With these an operation finds nothing of its key: every use is a first one. */
const FORGETFUL = { keyVersionsCached: 1, sessionObjectsPerHost: 1, keys: Number.MAX_SAFE_INTEGER };

let opened: OpenEngine;
let forgetful: KeyEngine;
let keys = 0;
let created = 0;
let used = 0;

async function open(setup: ManyKeysSetup): Promise<object> {
  opened = await openEngine(setup);
  forgetful = await KeyEngine.open({ ...opened, limits: FORGETFUL });
  const before = performance.now();
  await fillStore(opened, setup.keys);
  keys = setup.keys;
  return { filledMs: performance.now() - before };
}

const createOne = (): Promise<unknown> =>
  forgetful.createKey({ name: `created-${created++}`, spec: { keyType: 'EC-HSM', curve: 'P-256' } });

/** Jumps through the store, so that neighbours do not bring each other along. */
function useOne(): Promise<unknown> {
  used = (used + 7_919) % keys;
  return forgetful.sign({ key: { name: fillerName(used) }, algorithm: 'HS256', digest: INPUT });
}

async function repeat(count: number, perform: (index: number) => Promise<unknown>): Promise<ManyKeysSlice> {
  const before = process.hrtime.bigint();
  for (let i = 0; i < count; i++) await perform(i);
  return { elapsedNs: Number(process.hrtime.bigint() - before) };
}

async function obey(command: Command): Promise<object> {
  switch (command.command) {
    case 'open':
      return await open(command);
    case 'create':
      return await repeat(command.count, createOne);
    case 'firstUse':
      return await repeat(command.count, useOne);
    case 'useAll':
      return await repeat(command.count, (index) =>
        opened.engine.sign({ key: { name: fillerName(index) }, algorithm: 'HS256', digest: INPUT }),
      );
    case 'close':
      await forgetful.close();
      await opened.close();
      return {};
  }
}

await serveCommands(obey);
