import assert from 'node:assert/strict';
import { createHash, createHmac, createPrivateKey, type JsonWebKey, sign, verify } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KeyCaller } from '../api/key_caller.ts';
import {
  type Bundle,
  type HeldVersion,
  type Json,
  type KillStep,
  type Life,
  publicHalf,
  type Seen,
  versionOf,
} from './kill_steps.ts';

const MESSAGE = Buffer.from('Pay 100 to Alice');
const DIGEST = createHash('sha256').update(MESSAGE).digest();

/** Everything that the service shows of one name. */
export async function lookAt(caller: KeyCaller, name: string): Promise<Seen> {
  const [key, deleted] = await Promise.all([
    caller.find(`/keys/${name}`) as Promise<Bundle | undefined>,
    caller.find(`/deletedkeys/${name}`),
  ]);
  if (key === undefined) return { key, deleted, versions: {}, policy: undefined };
  const items = await caller.list(`/keys/${name}/versions`);
  const bundles = await Promise.all(
    items.map(async ({ kid, attributes, tags }) => {
      const bundle = (await caller.ask('GET', new URL(String(kid)).pathname)) as Bundle;
      assert.deepEqual({ attributes, tags }, { attributes: bundle.attributes, tags: bundle.tags });
      return [versionOf(bundle), bundle] as const;
    }),
  );
  const policy = await caller.ask('GET', `/keys/${name}/rotationpolicy`);
  const hasPolicy = (policy.lifetimeActions as unknown[]).length > 0;
  return { key, deleted, versions: Object.fromEntries(bundles), policy: hasPolicy ? policy : undefined };
}

/** What it has to show of a name, when that is what has become of it. */
function expectedOf({ key }: Life): Seen {
  if (key === undefined || key.deleted !== undefined) {
    return { key: undefined, deleted: key?.deleted, versions: {}, policy: undefined };
  }
  return {
    key: key.versions.at(-1)?.bundle,
    deleted: undefined,
    versions: Object.fromEntries(key.versions.map(({ bundle }) => [versionOf(bundle), bundle])),
    policy: key.policy,
  };
}

/**
 * What has become of a name, which is what was acknowledged; or, where a step was under way, that or all of the step.
 * @throws AssertionError for anything else
 */
export function settle(life: Life, pending: KillStep | undefined, seen: Seen): { life: Life; done: boolean } {
  if (isDeepStrictEqual(expectedOf(life), seen)) return { life, done: false };
  const answer = pending?.answerIn(seen);
  if (pending === undefined || answer === undefined) {
    assert.deepEqual(seen, expectedOf(life), `${pending?.text ?? 'nothing'} was under way`);
  }
  const after = (pending as KillStep).after(life, answer as Json);
  assert.deepEqual(seen, expectedOf(after), `${pending?.text} was under way`);
  return { life: after, done: true };
}

const ALGORITHM: Readonly<Record<string, string>> = { 'EC-HSM': 'ES256', 'RSA-HSM': 'RS256', 'oct-HSM': 'HS256' };

/** The version signs what node:crypto accepts, and accepts what it and node:crypto sign. `macs` are those of earlier lives. */
export async function proveUse(
  caller: KeyCaller,
  { bundle, material }: HeldVersion,
  macs: Map<string, string>,
): Promise<void> {
  const path = new URL(bundle.key.kid).pathname;
  const alg = ALGORITHM[bundle.key.kty] as string;
  const isMac = alg === 'HS256';
  const input = (isMac ? MESSAGE : DIGEST).toString('base64url');
  const verifies = async (value: unknown): Promise<boolean> =>
    (await caller.ask('POST', `${path}/verify`, { alg, digest: input, value })).value === true;

  const { kid, value } = await caller.ask('POST', `${path}/sign`, { alg, value: input });
  assert.equal(kid, bundle.key.kid);
  assert.ok(await verifies(value), 'the key does not know its signature again');
  if (isMac) {
    const before = macs.get(path) ?? (material === undefined ? value : macOf(material));
    assert.equal(value, before, 'it is another key');
    macs.set(path, String(value));
    return;
  }
  const key = { key: publicHalf(bundle), dsaEncoding: 'ieee-p1363' } as const;
  assert.ok(verify('sha256', MESSAGE, key, Buffer.from(String(value), 'base64url')), 'node:crypto does not accept it');
  if (material === undefined) return;
  const privateKey = createPrivateKey({ key: material, format: 'jwk' });
  const signature = sign('sha256', MESSAGE, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  assert.ok(await verifies(signature.toString('base64url')), 'it is not the key that was imported');
}

function macOf({ k }: JsonWebKey): string {
  return createHmac('sha256', Buffer.from(k ?? '', 'base64url'))
    .update(MESSAGE)
    .digest('base64url');
}
