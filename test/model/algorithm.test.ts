import test from 'ava';
import { ALGORITHMS, type Algorithm, findAlgorithm } from '../../src/model/algorithm.ts';
import { CURVES, OCT_SIZES } from '../../src/model/key.ts';
import { POSSIBLE_KEY_OPERATIONS } from '../../src/model/key_operation.ts';

const ROWS: readonly Algorithm[] = [...ALGORITHMS.values()];

test('every algorithm of Managed HSM has one row (Azure API §2.1, §2.4)', (t) => {
  const published = [
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'RSNULL',
    'ES256',
    'ES256K',
    'ES384',
    'ES512',
    'HS256',
    'HS384',
    'HS512',
    'RSA1_5',
    'RSA-OAEP',
    'RSA-OAEP-256',
    'A128GCM',
    'A192GCM',
    'A256GCM',
    'A128CBC',
    'A192CBC',
    'A256CBC',
    'A128CBCPAD',
    'A192CBCPAD',
    'A256CBCPAD',
    'A128KW',
    'A192KW',
    'A256KW',
    'CKM_AES_KEY_WRAP',
    'CKM_AES_KEY_WRAP_PAD',
  ];
  t.deepEqual([...ALGORITHMS.keys()].sort() as string[], published.sort());
  for (const [name, row] of ALGORITHMS) t.is(row.name, name);
});

test('an algorithm is found whatever the case of its letters, and nothing else is', (t) => {
  t.is(findAlgorithm('es256'), ALGORITHMS.get('ES256'));
  t.is(findAlgorithm('Rsa-Oaep-256'), ALGORITHMS.get('RSA-OAEP-256'));
  for (const name of ['', 'none', 'ES256 ', 'RS1', '__proto__', 'constructor'])
    t.is(findAlgorithm(name), undefined, name);
});

test('no algorithm serves an operation that its kind of key cannot do', (t) => {
  for (const { name, keyType, operations } of ROWS) {
    t.true(operations.size > 0, name);
    for (const operation of operations) t.true(POSSIBLE_KEY_OPERATIONS[keyType].has(operation), `${name} ${operation}`);
  }
});

test('operations come in pairs, so that what was made can be taken back', (t) => {
  const pairs = [
    ['sign', 'verify'],
    ['encrypt', 'decrypt'],
    ['wrapKey', 'unwrapKey'],
  ] as const;
  for (const { name, operations } of ROWS) {
    for (const [there, back] of pairs) t.is(operations.has(there), operations.has(back), name);
  }
});

test('AES-KW algorithms wrap and unwrap and do nothing else', (t) => {
  for (const row of ROWS.filter(({ realisations }) => realisations.some(({ way }) => way === 'wrapObject'))) {
    t.deepEqual([...row.operations].sort(), ['unwrapKey', 'wrapKey'], row.name);
  }
});

test('each curve has exactly one algorithm, over a digest no wider than its field', (t) => {
  for (const curve of CURVES) {
    const rows = ROWS.filter((row) => row.curve === curve);
    t.is(rows.length, 1, curve);
    t.is(rows[0]?.keyType, 'EC-HSM');
  }
  t.deepEqual(
    CURVES.map((curve) => ROWS.find((row) => row.curve === curve)?.input.exact),
    [32, 32, 48, 64],
  );
});

test('signatures of RSA keys take a digest of exactly the hash’s length, but for RSNULL', (t) => {
  for (const row of ROWS.filter(({ keyType, operations }) => keyType === 'RSA-HSM' && operations.has('sign'))) {
    const bits = Number(row.name.slice(2));
    if (row.name === 'RSNULL') t.deepEqual(row.input, { minimum: 1, belowModulus: 11 });
    else t.deepEqual(row.input, { exact: bits / 8 }, row.name);
  }
});

test('HMAC asks for a key no shorter than the digest, which no AES key of 384 or 512 bits exists for', (t) => {
  t.deepEqual(
    (['HS256', 'HS384', 'HS512'] as const).map((name) => ALGORITHMS.get(name)?.minimumKeySize),
    [256, 384, 512],
  );
  t.is(Math.max(...OCT_SIZES), 256);
});

test('GCM makes its own IV, and authenticates with a tag of 16 bytes', (t) => {
  for (const row of ROWS.filter(({ name }) => name.endsWith('GCM'))) {
    t.deepEqual(row.initialisationVector, { bytes: 12, source: 'engine' });
    t.is(row.tagBytes, 16);
  }
  t.true(ROWS.filter(({ tagBytes }) => tagBytes !== undefined).every(({ name }) => name.endsWith('GCM')));
});

test('AES algorithms are bound to the size in their names', (t) => {
  for (const row of ROWS.filter(({ name }) => /^A\d/.test(name))) {
    t.is(row.keySize, Number(row.name.slice(1, 4)), row.name);
  }
});

test('every algorithm has a way, and OAEP with SHA-256 one for tokens that know SHA-1 alone', (t) => {
  for (const { name, realisations } of ROWS) t.true(realisations.length > 0, name);
  t.deepEqual(
    ALGORITHMS.get('RSA-OAEP-256')?.realisations.map(({ way }) => way),
    ['direct', 'oaepInHost'],
  );
  t.deepEqual(
    ALGORITHMS.get('RSA-OAEP')?.realisations.map(({ hash }) => hash),
    ['SHA-1'],
  );
});

test('the room that padding takes of the modulus is that of its standard (RFC 8017 §7)', (t) => {
  const overhead = (['RSA1_5', 'RSA-OAEP', 'RSA-OAEP-256'] as const).map(
    (name) => ALGORITHMS.get(name)?.input.belowModulus,
  );
  t.deepEqual(overhead, [11, 2 * 20 + 2, 2 * 32 + 2]);
});

test('a secret side is never served by the public object', (t) => {
  for (const { name, secretObject } of ROWS) t.not(secretObject, 'public', name);
});
