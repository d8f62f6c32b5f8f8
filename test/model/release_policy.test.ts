import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { meetsReleasePolicy, type ReleasePolicy, requireReleasePolicy } from '../../src/model/release_policy.ts';

const AUTHORITY = 'https://authority.example';

const policyOf = (text: string | Uint8Array): ReleasePolicy => ({
  contentType: 'application/json; charset=utf-8',
  data: typeof text === 'string' ? Buffer.from(text, 'utf8') : text,
  immutable: false,
});

const policyWith = (...conditions: readonly object[]): ReleasePolicy =>
  policyOf(JSON.stringify({ version: '1.0.0', anyOf: [{ authority: AUTHORITY, allOf: conditions }] }));

const CLAIMS = {
  type: 'sevsnpvm',
  debug: false,
  level: 3,
  zero: 0,
  empty: '',
  nothing: null,
  list: ['sevsnpvm'],
  tee: { type: 'sevsnpvm', status: { level: 7, 'is-good': true } },
  'a.b': 'behind a dot',
};

/** Conditions on the claims above, and whether they hold. */
const CONDITIONS: readonly [condition: object, holds: boolean][] = [
  [{ claim: 'type', equals: 'sevsnpvm' }, true],
  [{ claim: 'type', equals: 'SEVSNPVM' }, false],
  [{ claim: 'debug', equals: false }, true],
  [{ claim: 'debug', equals: 'false' }, false],
  [{ claim: 'debug', equals: 0 }, false],
  [{ claim: 'level', equals: 3 }, true],
  [{ claim: 'level', equals: '3' }, false],
  [{ claim: 'empty', equals: '' }, true],
  [{ claim: 'zero', equals: false }, false],
  [{ claim: 'absent', equals: 'sevsnpvm' }, false],
  [{ claim: 'list', equals: 'sevsnpvm' }, false],
  [{ claim: 'tee', equals: 'sevsnpvm' }, false],
  [{ claim: 'type', notEquals: 'sgx' }, true],
  [{ claim: 'type', notEquals: 'sevsnpvm' }, false],
  [{ claim: 'debug', notEquals: true }, true],
  [{ claim: 'absent', notEquals: 'sgx' }, false],
  [{ claim: 'list', notEquals: 'sgx' }, false],
  [{ claim: 'tee', notEquals: 'sgx' }, false],
  [{ claim: 'nothing', notEquals: 'sgx' }, false],
  [{ claim: 'level', less: 4 }, true],
  [{ claim: 'level', less: 3 }, false],
  [{ claim: 'level', lessOrEquals: 3 }, true],
  [{ claim: 'level', lessOrEquals: 2.9 }, false],
  [{ claim: 'level', greater: 2 }, true],
  [{ claim: 'level', greater: 3 }, false],
  [{ claim: 'level', greaterOrEquals: 3 }, true],
  [{ claim: 'level', greaterOrEquals: 4 }, false],
  [{ claim: 'absent', less: 4 }, false],
  [{ claim: 'absent', greaterOrEquals: -1 }, false],
  [{ claim: 'type', greater: 0 }, false],
  [{ claim: 'debug', less: 1 }, false],
  [{ claim: 'nothing', lessOrEquals: 0 }, false],
  [{ claim: 'level', exists: true }, true],
  [{ claim: 'level', exists: false }, false],
  [{ claim: 'nothing', exists: true }, true],
  [{ claim: 'absent', exists: true }, false],
  [{ claim: 'absent', exists: false }, true],
  [{ claim: 'tee.status.absent', exists: false }, true],
  [{ claim: 'tee.type', equals: 'sevsnpvm' }, true],
  [{ claim: 'tee.status.level', greater: 6 }, true],
  [{ claim: 'tee.status.is-good', equals: true }, true],
  [{ claim: 'tee.level', equals: 7 }, false],
  [{ claim: 'list.0', equals: 'sevsnpvm' }, false],
  [{ claim: 'list.length', equals: 1 }, false],
  [{ claim: 'type.length', equals: 8 }, false],
  [{ claim: 'toString', exists: true }, false],
  [{ claim: '__proto__', exists: true }, false],
  [{ claim: 'constructor.name', equals: 'Object' }, false],
  [{ claim: 'a.b', equals: 'behind a dot' }, false],
  [{ claim: 'type', condition: 'equals', value: 'sevsnpvm' }, true],
  [{ claim: 'type', condition: 'notEquals', value: 'sevsnpvm' }, false],
  [{ claim: 'level', condition: 'greater', value: 2 }, true],
  [
    {
      allOf: [
        { claim: 'type', equals: 'sevsnpvm' },
        { claim: 'level', equals: 3 },
      ],
    },
    true,
  ],
  [
    {
      allOf: [
        { claim: 'type', equals: 'sevsnpvm' },
        { claim: 'level', equals: 4 },
      ],
    },
    false,
  ],
  [
    {
      anyOf: [
        { claim: 'type', equals: 'sgx' },
        { claim: 'level', equals: 3 },
      ],
    },
    true,
  ],
  [
    {
      anyOf: [
        { claim: 'type', equals: 'sgx' },
        { claim: 'level', equals: 4 },
      ],
    },
    false,
  ],
  [{ anyOf: [{ allOf: [{ claim: 'zero', less: 1 }, { anyOf: [{ claim: 'debug', equals: false }] }] }] }, true],
  [{ allOf: [{ anyOf: [{ claim: 'zero', less: 0 }] }, { claim: 'debug', equals: false }] }, false],
];

for (const [condition, holds] of CONDITIONS) {
  test(`${JSON.stringify(condition)} ${holds ? 'holds' : 'does not hold'}`, (t) => {
    const policy = requireReleasePolicy(policyWith(condition));
    t.is(meetsReleasePolicy(policy, { authority: AUTHORITY, claims: CLAIMS }), holds);
  });
}

test('all conditions of a rule with allOf have to hold, one of a rule with anyOf', (t) => {
  const conditions = [
    { claim: 'type', equals: 'sevsnpvm' },
    { claim: 'level', equals: 99 },
  ];
  const attestation = { authority: AUTHORITY, claims: CLAIMS };
  t.false(meetsReleasePolicy(policyWith(...conditions), attestation));
  const one = policyOf(JSON.stringify({ version: '1.0.0', anyOf: [{ authority: AUTHORITY, anyOf: conditions }] }));
  t.true(meetsReleasePolicy(one, attestation));
});

test('a rule counts for its own authority alone, with or without a slash at the end', (t) => {
  const condition = { claim: 'type', equals: 'sevsnpvm' };
  for (const [authority, attested, met] of [
    [AUTHORITY, AUTHORITY, true],
    [`${AUTHORITY}/`, AUTHORITY, true],
    [AUTHORITY, `${AUTHORITY}/`, true],
    [AUTHORITY, 'https://other.example', false],
    [AUTHORITY, `${AUTHORITY}.other.example`, false],
    [AUTHORITY, `${AUTHORITY}//`, false],
    [AUTHORITY, AUTHORITY.toUpperCase(), false],
  ] as const) {
    const policy = policyOf(JSON.stringify({ version: '1.0.0', anyOf: [{ authority, allOf: [condition] }] }));
    t.is(meetsReleasePolicy(policy, { authority: attested, claims: CLAIMS }), met, `${authority} ${attested}`);
  }
});

test('one rule that is met is enough, and what one authority says does not count for the rule of another', (t) => {
  const other = 'https://other.example';
  const policy = policyOf(
    JSON.stringify({
      version: '1.0.0',
      anyOf: [
        { authority: AUTHORITY, allOf: [{ claim: 'type', equals: 'sgx' }] },
        { authority: other, allOf: [{ claim: 'type', equals: 'sevsnpvm' }] },
      ],
    }),
  );
  t.true(meetsReleasePolicy(policy, { authority: other, claims: CLAIMS }));
  t.false(meetsReleasePolicy(policy, { authority: AUTHORITY, claims: CLAIMS }));
});

test('the example of the older form in the swagger is taken', (t) => {
  const policy = requireReleasePolicy(
    policyOf(
      '{ "anyOf": [ { "allOf": [ { "claim": "x-ms-sgx-mrsigner", "condition": "equals", "value": "86788f" }, ' +
        '{ "claim": "x-ms-sgx-is-debuggable", "condition": "equals", "value": "false" } ], "authority": "http://localhost:8023/" } ] }',
    ),
  );
  const claims = { 'x-ms-sgx-mrsigner': '86788f', 'x-ms-sgx-is-debuggable': 'false' };
  t.true(meetsReleasePolicy(policy, { authority: 'http://localhost:8023', claims }));
  t.false(
    meetsReleasePolicy(policy, {
      authority: 'http://localhost:8023',
      claims: { ...claims, 'x-ms-sgx-is-debuggable': true },
    }),
  );
});

const rule = (rest: string): string => `{"version":"1.0.0","anyOf":[{"authority":"${AUTHORITY}",${rest}}]}`;
const condition = (text: string): string => rule(`"allOf":[${text}]`);

/** What is no policy, and where the complaint says that it is wrong. */
const REFUSED: readonly [text: string, place: RegExp][] = [
  ['', /release_policy\.data/],
  ['not json', /release_policy\.data/],
  ['[]', /an object for release_policy\.data/],
  ['null', /an object for release_policy\.data/],
  ['"text"', /an object for release_policy\.data/],
  ['{}', /release_policy\.data\.anyOf/],
  ['{"version":"1.0.0"}', /release_policy\.data\.anyOf/],
  ['{"version":"1.0.0","anyOf":[]}', /release_policy\.data\.anyOf/],
  ['{"version":"1.0.0","anyOf":{}}', /release_policy\.data\.anyOf/],
  ['{"version":"1.0.0","anyOf":["rule"]}', /release_policy\.data\.anyOf\[0\]/],
  ['{"version":"1.0.0","allOf":[]}', /release_policy\.data, received "allOf"/],
  [condition('{"claim":"a","equals":1}').replace('1.0.0', '2.0.0'), /release_policy\.data\.version/],
  [condition('{"claim":"a","equals":1}').replace('"1.0.0"', '1'), /release_policy\.data\.version/],
  [condition('{"claim":"a","equals":1}').replace('"version"', '"notes":1,"version"'), /received "notes"/],
  [condition('{"claim":"a","equals":1}').replace(AUTHORITY, 'authority'), /anyOf\[0\]\.authority/],
  [condition('{"claim":"a","equals":1}').replace(AUTHORITY, 'ftp://authority'), /anyOf\[0\]\.authority/],
  ['{"version":"1.0.0","anyOf":[{"allOf":[{"claim":"a","equals":1}]}]}', /anyOf\[0\]\.authority/],
  [rule('"claim":"a","equals":1'), /no members but allOf and anyOf/],
  [rule('"allOf":[{"claim":"a","equals":1}],"anyOf":[{"claim":"a","equals":1}]'), /either allOf or anyOf/],
  [rule('"allOf":[]'), /anyOf\[0\]\.allOf/],
  [rule('"noneOf":[{"claim":"a","equals":1}]'), /received "noneOf"/],
  [rule('"anyof":[{"claim":"a","equals":1}]'), /received "anyof"/],
  [condition('"claim"'), /allOf\[0\]/],
  [condition('{}'), /either allOf or anyOf for .*allOf\[0\]/],
  [condition('{"equals":1}'), /received "equals"/],
  [condition('{"claim":"a"}'), /a claim with one of/],
  [condition('{"claim":"a","equals":1,"notEquals":2}'), /a claim with one of/],
  [condition('{"claim":"a","matches":".*"}'), /one of equals, .*received "matches"/],
  [condition('{"claim":"a","Equals":1}'), /received "Equals"/],
  [condition('{"claim":"a","toString":1}'), /received "toString"/],
  [condition('{"claim":"","equals":1}'), /allOf\[0\]\.claim/],
  [condition('{"claim":1,"equals":1}'), /allOf\[0\]\.claim/],
  [condition('{"claim":"a..b","equals":1}'), /allOf\[0\]\.claim/],
  [condition('{"claim":".a","equals":1}'), /allOf\[0\]\.claim/],
  [condition('{"claim":"a","equals":null}'), /allOf\[0\]\.equals/],
  [condition('{"claim":"a","equals":[1]}'), /allOf\[0\]\.equals/],
  [condition('{"claim":"a","equals":{"b":1}}'), /allOf\[0\]\.equals/],
  [condition('{"claim":"a","equals":1e999}'), /allOf\[0\]\.equals/],
  [condition('{"claim":"a","less":"1"}'), /a number for .*allOf\[0\]\.less/],
  [condition('{"claim":"a","greater":true}'), /a number for .*allOf\[0\]\.greater/],
  [condition('{"claim":"a","exists":"true"}'), /a boolean for .*allOf\[0\]\.exists/],
  [condition('{"claim":"a","condition":"matches","value":1}'), /received "matches"/],
  [condition('{"claim":"a","condition":1,"value":1}'), /allOf\[0\]\.condition/],
  [condition('{"claim":"a","condition":"equals"}'), /allOf\[0\]\.equals/],
  [condition('{"claim":"a","condition":"equals","value":1,"equals":1}'), /received "equals"/],
  [condition('{"claim":"a","equals":1,"equals":2}'), /stands twice/],
  [condition('{"claim":"a","allOf":[{"claim":"b","equals":1}]}'), /received "allOf"/],
  [condition(`${'{"allOf":['.repeat(40)}{"claim":"a","equals":1}${']}'.repeat(40)}`), /levels/],
  [condition(Array.from({ length: 1_100 }, () => '{"claim":"a","equals":1}').join(',')), /members/],
  [condition(`{"claim":"${'a'.repeat(LIMITS.releasePolicyBytes)}","equals":1}`), /bytes for release_policy\.data/],
];

for (const [index, [text, place]] of REFUSED.entries()) {
  const title = text.length > 150 ? `${text.slice(0, 150)}…` : text;
  test(`no policy (${index}): ${title === '' ? 'nothing' : title}`, (t) => {
    const error = t.throws(() => requireReleasePolicy(policyOf(text)), { instanceOf: StrongroomError });
    t.is(error.code, 'BadParameter');
    t.regex(error.message, place);
  });
}

test('bytes that are no UTF-8, a byte order mark, another content type and an odd immutable are refused', (t) => {
  const text = condition('{"claim":"a","equals":1}');
  const good = policyOf(text);
  t.is(requireReleasePolicy(good), good);
  for (const policy of [
    policyOf(Uint8Array.of(0x7b, 0xff, 0x7d)),
    policyOf(`\ufeff${text}`),
    { ...good, contentType: 'text/plain' },
    { ...good, contentType: 'application/jsonp' },
    { ...good, contentType: `application/json; ${'x'.repeat(300)}` },
    { ...good, contentType: 'application/json;\nx' },
    { ...good, immutable: 'yes' as unknown as boolean },
    { ...good, data: text as unknown as Uint8Array },
  ]) {
    const error = t.throws(() => requireReleasePolicy(policy), { instanceOf: StrongroomError });
    t.is(error.code, 'BadParameter');
  }
  for (const contentType of ['application/json', 'application/json; charset=utf-8; version=1.0']) {
    t.notThrows(() => requireReleasePolicy({ ...good, contentType }));
  }
});
