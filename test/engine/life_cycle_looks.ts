import assert from 'node:assert/strict';
import { createDecipheriv, createHash, createHmac, verify } from 'node:crypto';
import type { HouseKeepingRound } from '../../src/engine/house_keeping.ts';
import type { Page, PageRequest } from '../../src/engine/requests.ts';
import type { AlgorithmName } from '../../src/model/algorithm.ts';
import type { Curve } from '../../src/model/key.ts';
import { nodePublicKey } from '../fixtures/key_material.ts';
import type { LifeCycleModel, ModelKey, ModelVersion, VersionChoice } from './life_cycle_model.ts';
import { addVersion, type LifeCycleSystem, type Step, viewOfDeleted } from './life_cycle_steps.ts';

const never = (): undefined => undefined;
const nothing = async (): Promise<void> => undefined;

/** All pages of a list, each of which is as long as was asked for but for the last. */
async function allPages<Item>(limit: number, ask: (request: PageRequest) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await ask({ limit, after });
    items.push(...page.items);
    if (page.next === undefined) {
      assert.ok(page.items.length <= limit, 'the last page is not longer than asked for');
      assert.ok(after === undefined || page.items.length > 0, 'no page behind the first is empty');
      return items;
    }
    assert.equal(page.items.length, limit, 'a page that is not the last is full');
    after = page.next;
  }
}

export function listStep(limit: number): Step<unknown[]> {
  return {
    text: `list(${limit})`,
    refusal: never,
    perform: ({ engine }) => allPages(limit, (request) => engine.listKeys(request)),
    settle: (model, keys) => {
      assert.deepEqual(
        keys,
        model.names('active').map((name) => model.find(name, 'newest')?.view),
      );
    },
  };
}

export function listDeletedStep(limit: number): Step<unknown[]> {
  return {
    text: `listDeleted(${limit})`,
    refusal: never,
    perform: ({ engine }) => allPages(limit, (request) => engine.listDeletedKeys(request)),
    settle: (model, keys) => {
      assert.deepEqual(
        keys,
        model.names('deleted').map((name) => viewOfDeleted(model, name)),
      );
    },
  };
}

export function listVersionsStep(name: string, limit: number): Step<unknown[]> {
  return {
    text: `listVersions(${name}, ${limit})`,
    refusal: (model) => model.refusalToFind(name),
    perform: ({ engine }) => allPages(limit, (request) => engine.listKeyVersions(name, request)),
    settle: (model, versions) => {
      const views = (model.keys.get(name) as ModelKey).versions.map(({ view }) => view);
      assert.deepEqual(
        versions,
        views.toSorted((one, other) => (one.version < other.version ? -1 : 1)),
      );
    },
  };
}

const MESSAGE = Buffer.from('what a key of the model signs');
const CURVE_ALGORITHM = {
  'P-256': ['ES256', 'sha256'],
  'P-256K': ['ES256K', 'sha256'],
  'P-384': ['ES384', 'sha384'],
  'P-521': ['ES512', 'sha512'],
} as const satisfies Record<Curve, readonly [AlgorithmName, string]>;

/** Signs or encrypts, and has node:crypto say whether it was this key. */
export function useStep(name: string, choice: VersionChoice): Step<void> {
  return {
    text: `use(${name}, ${choice})`,
    refusal: (model) => model.refusalToUse(name, choice, operationOf(model.find(name, choice))),
    perform: async ({ engine }, model) => {
      const found = model.find(name, choice);
      const key = { name, version: model.versionId(name, choice) };
      // Of a key that is not there any algorithm will do.
      if (found === undefined) await engine.sign({ key, algorithm: 'ES256', digest: new Uint8Array(32) });
      else if (operationOf(found) === 'encrypt') await encryptWith(engine, key, found);
      else await signWith(engine, key, found);
    },
    settle: never,
  };
}

function operationOf(found: ModelVersion | undefined): 'sign' | 'encrypt' {
  const { spec, operations } = found?.view ?? {};
  return spec?.keyType === 'oct-HSM' && operations?.includes('sign') !== true ? 'encrypt' : 'sign';
}

type Engine = LifeCycleSystem['engine'];
type Reference = { readonly name: string; readonly version: string | undefined };

async function signWith(engine: Engine, key: Reference, { view, secret }: ModelVersion): Promise<void> {
  const { spec, publicKey } = view;
  if (spec.keyType === 'oct-HSM') {
    const { signature, version } = await engine.sign({ key, algorithm: 'HS256', digest: MESSAGE });
    assert.equal(version, view.version);
    if (secret !== undefined) {
      assert.deepEqual(Buffer.from(signature), createHmac('sha256', secret).update(MESSAGE).digest());
    }
    return;
  }
  const [algorithm, hash] = spec.keyType === 'EC-HSM' ? CURVE_ALGORITHM[spec.curve] : (['RS256', 'sha256'] as const);
  const digest = createHash(hash).update(MESSAGE).digest();
  const { signature, version } = await engine.sign({ key, algorithm, digest });
  assert.equal(version, view.version);
  const publicHalf = { key: nodePublicKey(publicKey), dsaEncoding: 'ieee-p1363' } as const;
  assert.ok(verify(hash, MESSAGE, publicHalf, signature), 'the signature is one by this version');
}

async function encryptWith(engine: Engine, key: Reference, { view, secret }: ModelVersion): Promise<void> {
  if (view.spec.keyType !== 'oct-HSM') throw new TypeError('Only symmetric keys encrypt here.');
  const { size } = view.spec;
  const algorithm = `A${size}CBCPAD` as const;
  const { ciphertext, iv, version } = await engine.encrypt({ key, algorithm, plaintext: MESSAGE });
  assert.equal(version, view.version);
  if (secret !== undefined) {
    const decipher = createDecipheriv(`aes-${size}-cbc`, secret, iv as Uint8Array);
    assert.deepEqual(Buffer.concat([decipher.update(ciphertext), decipher.final()]), MESSAGE);
  }
  if (!view.operations.includes('decrypt')) return;
  const { plaintext } = await engine.decrypt({ key, algorithm, ciphertext, iv });
  assert.deepEqual(Buffer.from(plaintext), MESSAGE);
}

export function passTimeStep(seconds: number): Step<void> {
  return {
    text: `passTime(${seconds})`,
    refusal: never,
    perform: nothing,
    settle: (model) => {
      model.now += seconds;
    },
  };
}

export function keepHouseStep(): Step<HouseKeepingRound> {
  return {
    text: 'keepHouse()',
    refusal: never,
    perform: ({ engine }) => engine.keepHouse(),
    settle: async (model, round, { engine }) => {
      const expected = model.keepHouse();
      const failed = round.failed.map(({ name }) => name);
      assert.deepEqual(round.rotated.toSorted(), expected.rotated.toSorted(), 'rotated');
      assert.deepEqual(round.purged.toSorted(), expected.purged.toSorted(), 'purged');
      assert.deepEqual(failed.toSorted(), expected.failed.toSorted(), 'failed');
      for (const name of expected.purged) model.remove(name);
      for (const name of expected.rotated) addVersion(model, await engine.getKey({ name }), model.successor(name));
    },
  };
}

export function reopenStep(what: 'engine' | 'store'): Step<void> {
  return {
    text: `reopen(${what})`,
    refusal: never,
    perform: (system) => system.reopen(what),
    settle: (model) => model.forgetFailures(),
  };
}

/** Everything that can be looked at is as the model has it. */
export async function lookAtEverything(model: LifeCycleModel, system: LifeCycleSystem): Promise<void> {
  const { engine } = system;
  for (const step of [listStep(2), listDeletedStep(2)]) {
    await step.settle(model, await step.perform(system, model), system);
  }
  for (const name of model.names('active')) {
    const list = listVersionsStep(name, 2);
    await list.settle(model, await list.perform(system, model), system);
    for (const { view } of (model.keys.get(name) as ModelKey).versions)
      assert.deepEqual(await engine.getKey(view), view);
  }
}
