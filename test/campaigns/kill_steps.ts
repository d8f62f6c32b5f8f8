import assert from 'node:assert/strict';
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import type { SeededRandom } from '../fixtures/seeded_random.ts';

/** A key bundle as the service answers with it. */
export interface Bundle {
  readonly key: JsonWebKey & { readonly kid: string; readonly kty: string };
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly [member: string]: unknown;
}

export type Json = Readonly<Record<string, unknown>>;

export interface HeldVersion {
  readonly bundle: Bundle;
  readonly resident: boolean;
  /** Of an imported key, its private or secret half. */
  readonly material?: JsonWebKey | undefined;
}

export interface HeldKey {
  /** The newest one last. */
  readonly versions: readonly HeldVersion[];
  readonly policy?: Json | undefined;
  /** What its delete answered. */
  readonly deleted?: Json | undefined;
}

/** What has been acknowledged of one name. */
export interface Life {
  readonly key?: HeldKey | undefined;
  readonly backup?: { readonly value: string; readonly key: HeldKey } | undefined;
}

/** What the service shows of one name. */
export interface Seen {
  readonly key: Bundle | undefined;
  readonly deleted: Json | undefined;
  readonly versions: Readonly<Record<string, Bundle>>;
  readonly policy: Json | undefined;
}

/** One request that changes a key. */
export interface KillStep {
  readonly text: string;
  readonly method: string;
  readonly path: string;
  readonly body?: Json;
  /** What it makes of a name, by its answer. @throws AssertionError for an answer that is not what was asked for */
  after(life: Life, answer: Json): Life;
  /** What the answer would have been, where nobody got it: the service shows the same, if it was done. */
  answerIn(seen: Seen): Json | undefined;
}

/** What a step is chosen from. */
export interface Surroundings {
  readonly random: SeededRandom;
  /** No two steps have the same, and what they make carries it. */
  readonly number: number;
  /** How the server keeps new keys in this life of its. */
  readonly resident: boolean;
  readonly importable: readonly JsonWebKey[];
}

export const versionOf = ({ key }: Bundle): string => key.kid.slice(key.kid.lastIndexOf('/') + 1);

const MOST_VERSIONS = 6;
const POLICY = {
  lifetimeActions: [{ trigger: { timeAfterCreate: 'P30D' }, action: { type: 'Rotate' } }],
  attributes: { expiryTime: 'P90D' },
};
/** RSA keys take the token long, so that there are few of them. */
const CREATED: readonly Json[] = [
  ...Array<Json>(6).fill({ kty: 'EC', crv: 'P-256' }),
  ...Array<Json>(3).fill({ kty: 'oct', key_size: 256, key_ops: ['sign', 'verify'] }),
  { kty: 'RSA', key_size: 2048 },
];

type Choice = (name: string, life: Life, around: Surroundings) => KillStep;

const newest = ({ key }: Life): HeldVersion => key?.versions.at(-1) as HeldVersion;
const keyOf = (life: Life): HeldKey => life.key as HeldKey;

function addVersion(life: Life, version: HeldVersion): Life {
  const { versions = [], ...key } = life.key ?? {};
  const id = versionOf(version.bundle);
  assert.ok(
    versions.every(({ bundle }) => versionOf(bundle) !== id),
    'the version was there before',
  );
  return { ...life, key: { ...key, versions: [...versions, version] } };
}

const create: Choice = (name, _life, { random, number, resident }) => {
  const asked = random.pick(CREATED);
  const tags = { step: String(number) };
  return {
    text: `create(${name}, ${asked.kty})`,
    method: 'POST',
    path: `/keys/${name}/create`,
    body: { ...asked, tags },
    answerIn: ({ key }) => key,
    after: (life, answer) => {
      const bundle = answer as Bundle;
      assert.deepEqual(bundle.tags, tags);
      assert.equal(bundle.key.kty, `${asked.kty}-HSM`);
      return addVersion(life, { bundle, resident });
    },
  };
};

const bringIn: Choice = (name, _life, { random, number, resident, importable }) => {
  const material = random.pick(importable);
  const tags = { step: String(number) };
  return {
    text: `import(${name}, ${material.kty})`,
    method: 'PUT',
    path: `/keys/${name}`,
    body: { key: { ...material, key_ops: ['sign', 'verify'] }, tags },
    answerIn: ({ key }) => key,
    after: (life, answer) => {
      const bundle = answer as Bundle;
      assert.deepEqual(bundle.tags, tags);
      const { x, y, n } = bundle.key;
      assert.deepEqual({ x, y, n }, { x: material.x, y: material.y, n: material.n });
      return addVersion(life, { bundle, resident, material });
    },
  };
};

const update: Choice = (name, before, { random, number }) => {
  const { bundle: old } = random.pick(keyOf(before).versions);
  const version = versionOf(old);
  const tags = { step: String(number) };
  return {
    text: `update(${name}/${version})`,
    method: 'PATCH',
    path: `/keys/${name}/${version}`,
    body: { tags },
    answerIn: ({ versions }) => versions[version],
    after: (life, answer) => {
      const bundle = answer as Bundle;
      const { updated } = bundle.attributes;
      assert.deepEqual(bundle, { ...old, tags, attributes: { ...old.attributes, updated } });
      const key = keyOf(life);
      const versions = key.versions.map((held) => (held.bundle === old ? { ...held, bundle } : held));
      return { ...life, key: { ...key, versions } };
    },
  };
};

const setPolicy = (name: string): KillStep => ({
  text: `setPolicy(${name})`,
  method: 'PUT',
  path: `/keys/${name}/rotationpolicy`,
  body: POLICY,
  answerIn: ({ policy }) => policy,
  after: (life, policy) => {
    assert.deepEqual(policy.lifetimeActions, POLICY.lifetimeActions);
    return { ...life, key: { ...keyOf(life), policy } };
  },
});

const rotate = (name: string): KillStep => ({
  text: `rotate(${name})`,
  method: 'POST',
  path: `/keys/${name}/rotate`,
  answerIn: ({ key }) => key,
  after: (life, answer) => {
    const bundle = answer as Bundle;
    const { bundle: old, resident } = newest(life);
    assert.deepEqual(bundle.tags, old.tags);
    assert.deepEqual([bundle.key.kty, bundle.key.key_ops], [old.key.kty, old.key.key_ops]);
    assert.equal(typeof bundle.attributes.exp, 'number');
    return addVersion(life, { bundle, resident });
  },
});

const backUp = (name: string): KillStep => ({
  text: `backup(${name})`,
  method: 'POST',
  path: `/keys/${name}/backup`,
  answerIn: () => undefined,
  after: (life, { value }) => ({ ...life, backup: { value: String(value), key: keyOf(life) } }),
});

const remove = (name: string): KillStep => ({
  text: `delete(${name})`,
  method: 'DELETE',
  path: `/keys/${name}`,
  answerIn: ({ deleted }) => deleted,
  after: (life, deleted) => {
    const { bundle } = newest(life);
    assert.deepEqual(deleted.key, bundle.key);
    assert.equal(typeof deleted.scheduledPurgeDate, 'number');
    return { ...life, key: { ...keyOf(life), deleted } };
  },
});

const recover = (name: string): KillStep => ({
  text: `recover(${name})`,
  method: 'POST',
  path: `/deletedkeys/${name}/recover`,
  answerIn: ({ key }) => key,
  after: (life, answer) => {
    assert.deepEqual(answer, newest(life).bundle);
    return { ...life, key: { ...keyOf(life), deleted: undefined } };
  },
});

const purge = (name: string): KillStep => ({
  text: `purge(${name})`,
  method: 'DELETE',
  path: `/deletedkeys/${name}`,
  answerIn: () => ({}),
  after: ({ backup }) => ({ backup }),
});

const restore: Choice = (name, { backup }) => ({
  text: `restore(${name})`,
  method: 'POST',
  path: '/keys/restore',
  body: { value: backup?.value },
  answerIn: ({ key }) => key,
  after: (life, answer) => {
    assert.deepEqual(answer, backup?.key.versions.at(-1)?.bundle);
    return { ...life, key: backup?.key };
  },
});

/** Each kind of step, how often it comes beside the others, and the names that it is for. */
const CHOICES: readonly (readonly [weight: number, choice: Choice, suits: (life: Life) => boolean])[] = [
  [3, create, ({ key }) => key === undefined],
  [2, bringIn, ({ key }) => key === undefined],
  [4, restore, ({ key, backup }) => key === undefined && backup !== undefined],
  [3, create, (life) => mayGrow(life)],
  [2, bringIn, (life) => mayGrow(life)],
  [4, rotate, (life) => mayGrow(life) && life.key?.policy !== undefined],
  [2, setPolicy, (life) => isActive(life) && life.key?.policy === undefined],
  [2, update, (life) => isActive(life)],
  [2, backUp, (life) => isActive(life) && keyOf(life).versions.every(({ resident }) => !resident)],
  [4, remove, (life) => isActive(life)],
  [3, recover, ({ key }) => key?.deleted !== undefined],
  [4, purge, ({ key }) => key?.deleted !== undefined],
];

/** Those that a campaign asks for by name. */
export const KILL_STEPS = { create, import: bringIn, setPolicy, update, rotate, remove, recover, purge } as const;

const isActive = ({ key }: Life): boolean => key !== undefined && key.deleted === undefined;
const mayGrow = (life: Life): boolean => isActive(life) && keyOf(life).versions.length < MOST_VERSIONS;

export function chooseStep(name: string, life: Life, around: Surroundings): KillStep {
  const choices = CHOICES.filter(([, , suits]) => suits(life));
  const choice = around.random.pick(choices.flatMap(([weight, each]) => Array<Choice>(weight).fill(each)));
  return choice(name, life, around);
}

/** The public half, as the service has published it. */
export function publicHalf({ key }: Bundle): ReturnType<typeof createPublicKey> {
  const { kty, ...members } = key;
  return createPublicKey({ key: { ...members, kty: kty.replace('-HSM', '') }, format: 'jwk' });
}
