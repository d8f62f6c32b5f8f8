import { randomBytes } from 'node:crypto';
import test from 'ava';
import { ALGORITHMS, type Algorithm, type AlgorithmName } from '../../src/model/algorithm.ts';
import type { Curve, PublicKey } from '../../src/model/key.ts';
import { nativeAddon, SIGNATURE_SCHEME, type SignatureScheme } from '../../src/pkcs11/binding.ts';
import { digestInfo } from '../../src/pkcs11/signature_format.ts';
import type { HsmHost } from '../../src/pool/hsm_host.ts';
import { SignatureCheck, type SignatureCheckPolicy } from '../../src/pool/signature_check.ts';
import { materialOfPair, type NodeKeyPair, nodeEcPair, nodeRsaPair } from '../fixtures/key_material.ts';
import { type NodeSignature, nodeAlgorithm } from '../fixtures/node_algorithms.ts';

/** Signatures of node:crypto, which are right, and what becomes of them when bits fall over. */

type AsymmetricKey = Exclude<PublicKey, { keyType: 'oct-HSM' }>;

const RSA = nodeRsaPair(2048);
const OTHER_RSA = nodeRsaPair(2048);
const SIGNATURES = [...ALGORITHMS.values()].filter(
  ({ keyType, operations }) => operations.has('sign') && keyType !== 'oct-HSM',
);
const host = { distrusted: false } as HsmHost;
const distrusted = { distrusted: true } as HsmHost;
const ofRsa = publicKeyOf(RSA);
const ofP256 = publicKeyOf(nodeEcPair('P-256'));

function publicKeyOf(pair: NodeKeyPair): AsymmetricKey {
  const material = materialOfPair(pair);
  if (material.keyType === 'oct-HSM') throw new TypeError('not a pair');
  return material;
}

const pairFor = ({ curve }: Algorithm): NodeKeyPair => (curve === undefined ? RSA : nodeEcPair(curve));

interface Signed {
  readonly publicKey: AsymmetricKey;
  readonly scheme: SignatureScheme;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

function schemeOf(name: AlgorithmName): SignatureScheme {
  if (name.startsWith('ES')) return SIGNATURE_SCHEME.ecdsa;
  return name.startsWith('PS')
    ? SIGNATURE_SCHEME[`pssSha${name.slice(2) as '256' | '384' | '512'}`]
    : SIGNATURE_SCHEME.pkcs1;
}

/** What goes into the token for an algorithm, and a signature over it that did not come from one. */
function signedBy(algorithm: Algorithm): Signed {
  const pair = pairFor(algorithm);
  const node = nodeAlgorithm(algorithm.name, 0) as NodeSignature;
  const message = randomBytes(40);
  const digest = node.input(message);
  const [{ hash, way } = {}] = algorithm.realisations;
  const isDigestInfo = way === 'digestInfo' && hash !== undefined && hash !== 'SHA-1';
  return {
    publicKey: publicKeyOf(pair),
    scheme: schemeOf(algorithm.name),
    signed: isDigestInfo ? digestInfo(hash, digest) : digest,
    signature: node.sign(pair, message),
  };
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}

for (const algorithm of SIGNATURES) {
  test(`${algorithm.name}: a right signature passes, and none in which a bit has fallen over`, async (t) => {
    const check = new SignatureCheck();
    const { publicKey, scheme, signed, signature } = signedBy(algorithm);
    t.true(await check.isRight(publicKey, scheme, signed, signature));
    const bits = Array.from({ length: signature.length * 8 }, (_, bit) => bit);
    // On the slow curves each third bit will do, or this alone takes as long as all the rest.
    const tried =
      publicKey.keyType === 'RSA-HSM' || publicKey.curve === 'P-256' ? bits : bits.filter((bit) => bit % 3 === 0);
    const passed = await Promise.all(
      tried.map((bit) => check.isRight(publicKey, scheme, signed, flipped(signature, bit))),
    );
    t.deepEqual(
      tried.filter((_, index) => passed[index]),
      [],
    );
  });

  test(`${algorithm.name}: a signature over something else, by another key or of another length does not pass`, async (t) => {
    const check = new SignatureCheck();
    const { publicKey, scheme, signed, signature } = signedBy(algorithm);
    const other = publicKey.keyType === 'RSA-HSM' ? OTHER_RSA : nodeEcPair(publicKey.curve);
    t.false(await check.isRight(publicKey, scheme, flipped(signed, 9), signature));
    t.false(await check.isRight(publicKeyOf(other), scheme, signed, signature));
    for (const length of [0, 1, signature.length - 1, signature.length - 2])
      t.false(await check.isRight(publicKey, scheme, signed, signature.subarray(0, length)), `${length}`);
    t.false(await check.isRight(publicKey, scheme, signed, Buffer.concat([signature, Buffer.alloc(2)])));
    t.false(await check.isRight(publicKey, scheme, signed, new Uint8Array(signature.length)));
    t.false(await check.isRight(publicKey, scheme, new Uint8Array(0), signature));
  });
}

test('what is verified is what was handed in, whatever becomes of the memory meanwhile', async (t) => {
  const check = new SignatureCheck();
  const { publicKey, scheme, signed, signature } = signedBy(ALGORITHMS.get('ES384') as Algorithm);
  const right = check.isRight(publicKey, scheme, signed, signature);
  t.true(right instanceof Promise, 'it is verified in another thread');
  signed.fill(0);
  signature.fill(0);
  t.true(await right);
});

/** How many of so many verifications were done on the event loop, and the verdicts of all. */
async function verified(check: SignatureCheck, { publicKey, scheme, signed, signature }: Signed, times: number) {
  const verdicts = Array.from({ length: times }, () => check.isRight(publicKey, scheme, signed, signature));
  return {
    atOnce: verdicts.filter((verdict) => typeof verdict === 'boolean').length,
    right: await Promise.all(verdicts),
  };
}

for (const name of ['RS256', 'PS512', 'ES256'] as const) {
  test(`${name}: what is quick is verified on the event loop, a tenth of whose time it takes, and all else elsewhere`, async (t) => {
    let now = 0;
    const check = new SignatureCheck('always', () => now);
    const one = signedBy(ALGORITHMS.get(name) as Algorithm);
    const began = await verified(check, one, 100);
    t.true(began.atOnce >= 10 && began.atOnce <= 50, `${began.atOnce}`);
    t.true(began.right.every((right) => right));
    t.is((await verified(check, one, 1)).atOnce, 0);
    now += 4;
    const later = await verified(check, one, 100);
    t.true(later.atOnce >= 4 && later.atOnce <= 20, `${later.atOnce}`);
    t.true(later.right.every((right) => right));
    const elsewhere = check.isRight(one.publicKey, one.scheme, flipped(one.signed, 3), one.signature);
    t.true(elsewhere instanceof Promise);
    t.false(await elsewhere);
    now += 4;
    t.is(check.isRight(one.publicKey, one.scheme, flipped(one.signed, 3), one.signature), false);
    now += 4;
    t.is(check.isRight(one.publicKey, one.scheme, one.signed, one.signature), true, 'after a wrong one');
  });
}

test('what takes long, slow curves and large exponents, is never verified on the event loop', async (t) => {
  const check = new SignatureCheck();
  for (const name of ['ES256K', 'ES384', 'ES512'] as const) {
    const { atOnce, right } = await verified(check, signedBy(ALGORITHMS.get(name) as Algorithm), 1);
    t.deepEqual([atOnce, right], [0, [true]], name);
  }
  const { publicKey, ...rest } = signedBy(ALGORITHMS.get('RS256') as Algorithm);
  const large = { ...publicKey, publicExponent: new Uint8Array(256).fill(1) } as AsymmetricKey;
  t.deepEqual(await verified(check, { publicKey: large, ...rest }, 1), { atOnce: 0, right: [false] });
});

const CHECKS = 4_000;

/** Which share of the signatures is verified where there are so many in a second. */
function share(policy: SignatureCheckPolicy, key: AsymmetricKey, by: HsmHost, perSecond = 1_000): number {
  let now = 0;
  const check = new SignatureCheck(policy, () => now);
  let due = 0;
  for (let i = 0; i < CHECKS; i++) {
    now += 1_000 / perSecond;
    due += check.isDue(key.keyType, by) ? 1 : 0;
  }
  return due / CHECKS;
}

test('RSA signatures are verified every one, whatever the policy', (t) => {
  for (const policy of ['always', 'sampled', 'off'] as const) t.is(share(policy, ofRsa, host), 1, policy);
});

test('ECDSA signatures are verified by policy: all, about one in sixteen, or none', (t) => {
  t.is(share('always', ofP256, host), 1);
  t.is(share('off', ofP256, host), 0);
  // Seven standard deviations around 1/16: by chance this fails once in 10^11 runs.
  const sampled = share('sampled', ofP256, host);
  t.true(sampled > 0.035 && sampled < 0.09, `${sampled}`);
});

test('where a token signs fast, no more than a hundred and some of its signatures in a second are samples', (t) => {
  const sampled = share('sampled', ofP256, host, CHECKS);
  t.true(sampled > 64 / CHECKS && sampled <= 144 / CHECKS, `${sampled}`);
});

test('while the token is not trusted a sampling policy verifies every signature', (t) => {
  t.is(share('sampled', ofP256, distrusted), 1);
  t.is(share('off', ofP256, distrusted), 0);
});

test('an unknown policy is refused', (t) => {
  t.throws(() => new SignatureCheck('often' as SignatureCheckPolicy), {
    instanceOf: TypeError,
    message: /received often/,
  });
});

test('more keys than are kept ready verify all the same', async (t) => {
  const check = new SignatureCheck();
  const first = signedBy(ALGORITHMS.get('ES256') as Algorithm);
  // The same key under another name, so to say: what is kept is told apart by identity.
  const again = (): AsymmetricKey => ({ ...first.publicKey });
  for (let i = 0; i < 1_100; i++)
    if (!(await check.isRight(again(), first.scheme, first.signed, first.signature))) return t.fail(`${i}`);
  t.true(await check.isRight(first.publicKey, first.scheme, first.signed, first.signature));
});

test('a scheme that nobody knows, or that is not for the key, is refused or verifies nothing', async (t) => {
  const { VerifyingKey } = nativeAddon();
  const { publicKey, scheme, signed, signature } = signedBy(ALGORITHMS.get('ES256') as Algorithm);
  if (publicKey.keyType !== 'EC-HSM') return t.fail();
  const key = new VerifyingKey({ group: 'P-256', x: publicKey.x, y: publicKey.y });
  for (const none of [5, -1, 0.5, '1'] as unknown[] as SignatureScheme[])
    for (const verify of ['verify', 'verifyNow'] as const)
      t.throws(() => key[verify](none, signed, signature), { instanceOf: TypeError }, `${none}`);
  for (const ofRsa of [SIGNATURE_SCHEME.pkcs1, SIGNATURE_SCHEME.pssSha256]) {
    t.false(key.verifyNow(ofRsa, signed, signature));
    t.false(await key.verify(ofRsa, signed, signature));
  }
  t.true(key.verifyNow(scheme, signed, signature));
});

test('a point that is not on its curve, and a curve that nobody knows, are no public keys', (t) => {
  const { VerifyingKey } = nativeAddon();
  const group = 'P-256' satisfies Curve;
  t.throws(() => new VerifyingKey({ group, x: Buffer.alloc(32, 1), y: Buffer.alloc(32, 1) }), {
    instanceOf: TypeError,
  });
  t.throws(() => new VerifyingKey({ group: 'P-0', x: Buffer.alloc(32, 1), y: Buffer.alloc(32, 1) }), {
    instanceOf: TypeError,
  });
});
