import { randomBytes } from 'node:crypto';
import test from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { CreateKeyRequest, ImportKeyRequest } from '../../src/engine/requests.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { CURVE_BYTES, CURVES, type Custody, type KeyMaterial, type KeySpec } from '../../src/model/key.ts';
import { DEFAULT_KEY_OPERATIONS, type KeyOperation } from '../../src/model/key_operation.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { TokenProfile } from '../../src/pool/token_profile.ts';
import { materialOfPair, nodeEcPair, nodeRsaPair } from '../fixtures/key_material.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { storeWith } from '../fixtures/store_with.ts';
import { countObjects, settledObjects } from '../fixtures/token_inventory.ts';

let token: TestToken;
let opened: TestEngine;

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine();
});

test.after.always(() => token.close());

const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };
const DIGEST = randomBytes(32);

test('a new key has what it was asked for, and the defaults for the rest', async (t) => {
  const { engine } = opened;
  const before = Math.floor(Date.now() / 1000);
  const key = await engine.createKey({ name: 'plain', spec: P256 });
  t.like(key, {
    name: 'plain',
    spec: P256,
    custody: 'wrapped',
    enabled: true,
    notBefore: undefined,
    expires: undefined,
    exportable: false,
    tags: {},
    operations: DEFAULT_KEY_OPERATIONS['EC-HSM'],
  });
  t.regex(key.version, /^[0-9a-f]{32}$/);
  t.true(key.created >= before && key.created <= before + 60);
  t.is(key.updated, key.created);
  t.false('wrappedKey' in key);
  t.deepEqual(await engine.getKey({ name: 'plain' }), key);
  const full: CreateKeyRequest = {
    name: 'full',
    spec: OCT,
    operations: ['sign', 'verify'],
    enabled: false,
    notBefore: 5,
    expires: 9,
    tags: { owner: 'tests' },
  };
  t.like(await engine.createKey(full), full);
});

test('a second key of a name is a version, the newest one, and the first stays', async (t) => {
  const { engine } = opened;
  const first = await engine.createKey({ name: 'twice', spec: P256 });
  const second = await engine.createKey({ name: 'twice', spec: OCT });
  t.not(first.version, second.version);
  t.deepEqual(await engine.getKey({ name: 'twice' }), second);
  t.deepEqual(await engine.getKey({ name: 'twice', version: first.version }), first);
  const { version } = await engine.sign({ key: first, algorithm: 'ES256', digest: DIGEST });
  t.is(version, first.version);
  t.is(
    (await engine.encrypt({ key: { name: 'twice' }, algorithm: 'A256GCM', plaintext: DIGEST })).version,
    second.version,
  );
  await refused(t, engine.sign({ key: { name: 'twice' }, algorithm: 'ES256', digest: DIGEST }), 'Forbidden');
});

test('versions that are made together are all there, and the newest is one of them', async (t) => {
  const { engine } = opened;
  const made = await Promise.all(Array.from({ length: 12 }, () => engine.createKey({ name: 'rush', spec: OCT })));
  const versions = new Set(made.map(({ version }) => version));
  t.is(versions.size, 12);
  t.true(versions.has((await engine.getKey({ name: 'rush' })).version));
  for (const { version } of made) t.is((await engine.getKey({ name: 'rush', version })).version, version);
});

test('a clock that was set back does not make a new version older than the last', async (t) => {
  let now = 2_000_000_000_000;
  const { engine, store } = await token.openEngine({ clock: () => now });
  const first = await engine.createKey({ name: 'clock', spec: OCT });
  now -= 1_000_000_000;
  const second = await engine.createKey({ name: 'clock', spec: OCT });
  t.is(second.created, first.created);
  t.is((await store.findKeyVersion('clock', undefined))?.version?.record.version, second.version);
});

const BAD_ATTRIBUTES: readonly [string, Partial<CreateKeyRequest>][] = [
  ['name', { name: 'a_b' }],
  ['name', { name: '' }],
  ['name', { name: 'a'.repeat(128) }],
  ['size', { spec: { keyType: 'RSA-HSM', size: 1024 as 2048, publicExponent: 65_537 } }],
  ['size', { spec: { keyType: 'oct-HSM', size: 512 as 256 } }],
  ['exponent', { spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_536 } }],
  ['exponent', { spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 1 } }],
  ['exponent', { spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 2 ** 32 + 1 } }],
  ['type', { spec: { keyType: 'OKP' } as unknown as KeySpec }],
  ['operation', { spec: P256, operations: ['encrypt'] }],
  ['operation', { spec: P256, operations: ['import'] }],
  ['operation', { spec: OCT, operations: ['import'] }],
  ['operation', { spec: OCT, operations: ['fly' as KeyOperation] }],
  [
    'import beside others',
    { spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 }, operations: ['import', 'sign'] },
  ],
  ['dates', { notBefore: 10, expires: 10 }],
  ['dates', { notBefore: -1 }],
  ['dates', { expires: 1.5 }],
  ['dates', { expires: '9' as unknown as number }],
  ['enabled', { enabled: 'yes' as unknown as boolean }],
  ['custody', { custody: 'lost' as Custody }],
  ['tags', { tags: Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`${index}`, ''])) }],
  ['tags', { tags: { a: 'b'.repeat(257) } }],
  ['tags', { tags: { ['a'.repeat(257)]: '' } }],
  ['tags', { tags: { '': 'a' } }],
  ['tags', { tags: { a: '\ud800' } }],
  ['tags', { tags: { a: 1 as unknown as string } }],
];

test('a request for a key with what no key has is refused', async (t) => {
  for (const [what, change] of BAD_ATTRIBUTES) {
    await refused(t, opened.engine.createKey({ name: 'bad', spec: OCT, ...change }), 'BadParameter', undefined, what);
  }
  const spec = { keyType: 'EC-HSM', curve: 'Ed25519' } as unknown as KeySpec;
  await refused(t, opened.engine.createKey({ name: 'bad', spec }), 'KeyCurveNotSupported');
  await refused(t, opened.engine.getKey({ name: 'bad' }), 'KeyNotFound');
});

test('a key that may import others does nothing else, and is made', async (t) => {
  const spec: KeySpec = { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 };
  const { operations } = await opened.engine.createKey({ name: 'exchange', spec, operations: ['import', 'import'] });
  t.deepEqual(operations, ['import']);
  const key = { name: 'exchange' };
  await refused(
    t,
    opened.engine.sign({ key, algorithm: 'RS256', digest: DIGEST }),
    'Forbidden',
    'KeyOperationForbidden',
  );
});

test('a small public exponent is made and brought in', async (t) => {
  const spec: KeySpec = { keyType: 'RSA-HSM', size: 2048, publicExponent: 3 };
  t.deepEqual((await opened.engine.createKey({ name: 'three', spec })).spec, spec);
  const material = materialOfPair(nodeRsaPair(2048, 3));
  t.deepEqual((await opened.engine.importKey({ name: 'three', material })).spec, spec);
});

type MaterialOf<Type> = Extract<KeyMaterial, { keyType: Type }>;
const rsa = () => materialOfPair(nodeRsaPair(2048)) as MaterialOf<'RSA-HSM'>;
const ec = () => materialOfPair(nodeEcPair('P-256')) as MaterialOf<'EC-HSM'>;
const oct = (length: number): KeyMaterial => ({ keyType: 'oct-HSM', value: new Uint8Array(randomBytes(length)) });

function wiped(material: KeyMaterial): boolean {
  return Object.values(material).every((value) => !(value instanceof Uint8Array) || value.every((byte) => byte === 0));
}

const ORDER_OF_P256 = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');

const BAD_MATERIAL: Readonly<Record<string, () => KeyMaterial>> = {
  'another modulus': () => ({ ...rsa(), modulus: rsa().modulus }),
  'primes of another key': () => {
    const { prime1, prime2, exponent1, exponent2, coefficient, privateExponent } = rsa();
    return { ...rsa(), prime1, prime2, exponent1, exponent2, coefficient, privateExponent };
  },
  'an even modulus': () => {
    const material = rsa();
    material.modulus[255] = (material.modulus[255] as number) & 0xfe;
    return material;
  },
  'a modulus of 1024 bits': () => materialOfPair(nodeRsaPair(1024)),
  'a modulus of 2047 bits': () => {
    const material = rsa();
    material.modulus[0] = 0x40;
    return material;
  },
  'an exponent of nine bytes': () => ({ ...rsa(), publicExponent: new Uint8Array(9).fill(1) }),
  'no prime': () => ({ ...rsa(), prime1: new Uint8Array(0) }),
  'no private exponent': () => ({ ...rsa(), privateExponent: undefined as unknown as Uint8Array }),
  'a text for a number': () => ({ ...rsa(), coefficient: 'AQAB' as unknown as Uint8Array }),
  'the point of another key': () => {
    const { x, y } = ec();
    return { ...ec(), x, y };
  },
  'a point beside the curve': () => ({ ...ec(), x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(2) }),
  'a private value of zero': () => ({ ...ec(), privateValue: new Uint8Array(32) }),
  'the order as private value': () => ({ ...ec(), privateValue: new Uint8Array(ORDER_OF_P256) }),
  'a short coordinate': () => ({ ...ec(), x: new Uint8Array(31).fill(1) }),
  'coordinates of another curve': () => ({ ...ec(), curve: 'P-384' }),
  'no key at all': () => oct(0),
  'a key of 8 bytes': () => oct(8),
  'a key of 33 bytes': () => oct(33),
  'a key of 64 bytes': () => oct(64),
};

for (const [what, material] of Object.entries(BAD_MATERIAL)) {
  test(`importing ${what} is refused, and what was given is overwritten`, async (t) => {
    const { engine } = opened;
    const given = material();
    await refused(t, engine.importKey({ name: 'bad-import', material: given }), 'BadParameter');
    t.true(wiped(given));
    await refused(t, engine.getKey({ name: 'bad-import' }), 'KeyNotFound');
    t.is(engine.status().pool.state, 'ready');
  });
}

test('what was given is overwritten when the import went well, and when its other parts were bad', async (t) => {
  const { engine } = opened;
  for (const material of [rsa(), ec(), oct(32)]) {
    await engine.importKey({ name: `given-${material.keyType}`, material });
    t.true(wiped(material));
  }
  const bad: Omit<ImportKeyRequest, 'material'>[] = [{ name: 'a b' }, { name: 'a', tags: { '': '' } }];
  for (const request of bad) {
    const material = ec();
    await refused(t, engine.importKey({ ...request, material }), 'BadParameter');
    t.true(wiped(material));
  }
});

test('the largest private values of each curve are taken', async (t) => {
  for (const curve of CURVES) {
    const material = materialOfPair(nodeEcPair(curve));
    t.is((material as MaterialOf<'EC-HSM'>).privateValue.length, CURVE_BYTES[curve]);
    await t.notThrowsAsync(opened.engine.importKey({ name: `curve-${curve}`, material }));
  }
});

test('leading zeros of RSA numbers do not matter', async (t) => {
  const material = rsa();
  const zeroed = (value: Uint8Array): Uint8Array => new Uint8Array(Buffer.concat([Buffer.alloc(2), value]));
  const spec = { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 };
  const padded = Object.fromEntries(
    Object.entries(material).map(([name, value]) => [name, value instanceof Uint8Array ? zeroed(value) : value]),
  ) as KeyMaterial;
  const made = await opened.engine.importKey({ name: 'zeros', material: padded });
  t.deepEqual(made.spec, spec as KeySpec);
  t.deepEqual(made.publicKey, {
    keyType: 'RSA-HSM',
    modulus: material.modulus,
    publicExponent: material.publicExponent,
  });
});

test('the limits on keys and versions hold', async (t) => {
  const { engine } = await token.openEngine({ limits: { keys: 2, versionsPerKey: 2 } });
  await engine.createKey({ name: 'a', spec: OCT });
  await engine.createKey({ name: 'b', spec: OCT });
  await refused(t, engine.createKey({ name: 'c', spec: OCT }), 'BadParameter', 'KeyLimitReached');
  await engine.createKey({ name: 'a', spec: OCT });
  await refused(t, engine.createKey({ name: 'a', spec: OCT }), 'BadParameter', 'KeyVersionLimitReached');
  const resident = { name: 'd', spec: P256, custody: 'resident' } as const;
  await refused(t, engine.createKey(resident), 'BadParameter', 'KeyLimitReached');
});

test('making a key leaves no object in the session, and none in the token that is not the key', async (t) => {
  const own = await openTestToken();
  t.teardown(() => own.close());
  const { engine, pool } = await own.openEngine({ limits: { keys: 4 } });
  const before = [await settledObjects(pool, { CKA_TOKEN: false }), await countObjects(pool, { CKA_TOKEN: true })];
  await engine.createKey({ name: 'a', spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } });
  await engine.createKey({ name: 'b', spec: OCT });
  await engine.importKey({ name: 'c', material: ec() });
  t.deepEqual(
    [await settledObjects(pool, { CKA_TOKEN: false }), await countObjects(pool, { CKA_TOKEN: true })],
    before,
  );
  await engine.createKey({ name: 'd', spec: P256, custody: 'resident' });
  const withKey = await countObjects(pool, { CKA_TOKEN: true });
  t.deepEqual(withKey, before[1]?.map((count) => count + 2) ?? []);
  for (const spec of [P256, OCT]) {
    await refused(t, engine.createKey({ name: 'e', spec, custody: 'resident' }), 'BadParameter', 'KeyLimitReached');
  }
  t.deepEqual(await countObjects(pool, { CKA_TOKEN: true }), withKey);
  t.deepEqual(await settledObjects(pool, { CKA_TOKEN: false }), before[0] ?? []);
});

function withProfile(pool: HsmPool, changes: Partial<TokenProfile>): void {
  for (const token of pool.tokens as readonly { profile: TokenProfile }[])
    token.profile = { ...token.profile, ...changes };
}

test('a token that does not wrap keeps keys itself, and says what it cannot do', async (t) => {
  const { engine, pool } = await token.openEngine({ custody: 'resident' });
  withProfile(pool, { canWrap: false });
  await refused(t, engine.createKey({ name: 'w', spec: P256, custody: 'wrapped' }), 'NotSupported');
  await refused(t, engine.createKey({ name: 'h', spec: OCT, operations: ['sign'] }), 'NotSupported');
  for (const [name, spec] of [
    ['direct-ec', P256],
    ['direct-oct', OCT],
  ] as const) {
    await engine.createKey({ name, spec });
  }
  await engine.importKey({ name: 'direct-import', material: ec() });
  for (const name of ['direct-ec', 'direct-import']) {
    const key = { name };
    const { signature } = await engine.sign({ key, algorithm: 'ES256', digest: DIGEST });
    t.true((await engine.verify({ key, algorithm: 'ES256', digest: DIGEST, signature })).valid);
  }
  const key = { name: 'direct-oct' };
  const { ciphertext, iv, tag } = await engine.encrypt({ key, algorithm: 'A256GCM', plaintext: DIGEST });
  t.deepEqual(
    (await engine.decrypt({ key, algorithm: 'A256GCM', ciphertext, iv, tag })).plaintext,
    new Uint8Array(DIGEST),
  );
});

test('resident keys that are not copied into sessions are evicted from the books alone', async (t) => {
  const { engine, pool } = await token.openEngine({ custody: 'resident', limits: { sessionObjectsPerHost: 2 } });
  withProfile(pool, { copiesPoolKeys: false });
  const names = Array.from({ length: 6 }, (_, index) => `stay-${index}`);
  for (const name of names) await engine.createKey({ name, spec: OCT });
  for (let round = 0; round < 3; round++) {
    for (const name of names) {
      await t.notThrowsAsync(engine.encrypt({ key: { name }, algorithm: 'A256GCM', plaintext: DIGEST }));
    }
  }
  t.true(engine.status().custody.evicted > 0);
});

test('where the store does not know whether it has a key, it is asked', async (t) => {
  const { pool, store } = opened;
  const unknown = (): never => {
    throw new StrongroomError('OutcomeUnknown', 'The connection was lost.');
  };
  const written = await KeyEngine.open({
    pool,
    store: storeWith(store, {
      changeKey: async (change, limits) => store.changeKey(change, limits).then(unknown),
    }),
  });
  const { version } = await written.createKey({ name: 'unknown-written', spec: OCT });
  t.is((await opened.engine.getKey({ name: 'unknown-written' })).version, version);
  const lost = await KeyEngine.open({ pool, store: storeWith(store, { changeKey: async () => unknown() }) });
  for (const custody of ['wrapped', 'resident'] as const) {
    await refused(t, lost.createKey({ name: 'unknown-lost', spec: OCT, custody }), 'OutcomeUnknown');
  }
  await refused(t, opened.engine.getKey({ name: 'unknown-lost' }), 'KeyNotFound');
});

test('a closed engine makes no keys', async (t) => {
  const { engine } = await token.openEngine();
  await engine.close();
  await refused(t, engine.createKey({ name: 'late', spec: OCT }), 'ServiceUnavailable');
  await refused(t, engine.randomBytes(8), 'ServiceUnavailable');
  t.true(engine.status().closed);
});
