import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ConfigurationError } from '../../src/config/configuration_error.ts';
import { hostNames, originOf } from '../../src/config/host_names.ts';
import { environmentName, loadConfiguration } from '../../src/config/load_configuration.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-config-'));
test.after.always(() => rmSync(directory, { recursive: true }));

let files = 0;
function fileOf(content: unknown): string {
  const path = join(directory, `${files++}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** The problems by path; none when the configuration will do. */
function problemsOf(sources: Partial<Parameters<typeof loadConfiguration>[0]>): Record<string, string> {
  try {
    loadConfiguration({ environment: {}, ...sources });
    return {};
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return Object.fromEntries(error.problems.map(({ path, message }) => [path, message]));
  }
}

test('without any source there is a default for everything', (t) => {
  const configuration = loadConfiguration({ environment: {} });
  t.like(configuration, {
    domain: 'managedhsm.localhost',
    hsm: { name: 'demo', module: undefined, isolation: 'process' },
    engine: { custody: 'wrapped' },
  });
  t.deepEqual(configuration.listen, [
    { host: '::1', port: 8443, mayBeAbsent: true },
    { host: '127.0.0.1', port: 8443, mayBeAbsent: false },
  ]);
});

test('initial administrators are GUIDs, each of them once', (t) => {
  const [one, other] = ['0f0c7a7e-3ad7-4d0e-9d6b-3f5f0f6f1a11', '0f0c7a7e-3ad7-4d0e-9d6b-3f5f0f6f1a12'];
  const name = 'STRONGROOM_ACCESS_INITIAL_ADMINISTRATORS';
  t.deepEqual(loadConfiguration({ environment: {} }).access.initialAdministrators, []);
  const environment = { [name]: `${one}, ${other},${one}` };
  t.deepEqual(loadConfiguration({ environment }).access.initialAdministrators, [one, other]);
  const file = fileOf({ access: { initialAdministrators: [other] } });
  t.deepEqual(loadConfiguration({ environment: {}, file }).access.initialAdministrators, [other]);
  for (const value of ['', 'alice', one.toUpperCase(), `${one};${other}`, Array(21).fill(one).join()]) {
    const problem = problemsOf({ environment: { [name]: value } })['access.initialAdministrators'];
    t.regex(problem ?? '', /^Expected at most 20 GUIDs in lower case, received /, value);
  }
});

test('a configuration cannot be changed', (t) => {
  const configuration = loadConfiguration({ environment: {} });
  t.true(Object.isFrozen(configuration));
  t.true(Object.isFrozen(configuration.hsm));
});

test('a flag wins over the environment, and the environment over the file', (t) => {
  const file = fileOf({ domain: 'file.example', region: 'file', hsm: { name: 'file' } });
  const environment = { STRONGROOM_DOMAIN: 'environment.example', STRONGROOM_HSM_NAME: 'environment' };
  const configuration = loadConfiguration({ file, environment, flags: { 'hsm.name': 'flag' } });
  t.like(configuration, { region: 'file', domain: 'environment.example', hsm: { name: 'flag' } });
});

test('names in the environment follow from paths', (t) => {
  t.is(environmentName('hsm.pinFile'), 'STRONGROOM_HSM_PIN_FILE');
  t.is(environmentName('dataDir'), 'STRONGROOM_DATA_DIR');
});

test('numbers and truth values are texts in the environment and themselves in the file', (t) => {
  const environment = { STRONGROOM_HSM_HOSTS: '3', STRONGROOM_COMPATIBILITY_CRYPTO_USER_MAY_DELETE: 'true' };
  t.like(loadConfiguration({ environment }), { hsm: { hosts: 3 }, compatibility: { cryptoUserMayDelete: true } });
  t.deepEqual(
    Object.keys(problemsOf({ file: fileOf({ hsm: { hosts: '3' }, compatibility: { cryptoUserMayDelete: 'true' } }) })),
    ['hsm.hosts', 'compatibility.cryptoUserMayDelete'],
  );
});

test('every problem is told at once, with its path', (t) => {
  const file = fileOf({
    domain: 'localhost',
    listen: ['nowhere'],
    hsm: { name: 'X', module: '/m.so', lanesPerHost: 0, colour: 'red' },
    engine: { custody: 'pocket' },
    log: 'loud',
    surprise: true,
  });
  const problems = problemsOf({ file, environment: { STRONGROOM_TENANT: 'me' }, flags: { dataDir: '' } });
  t.deepEqual(Object.keys(problems).sort(), [
    'dataDir',
    'domain',
    'engine.custody',
    'hsm.colour',
    'hsm.lanesPerHost',
    'hsm.name',
    'hsm.pinFile',
    'hsm.tokenLabel',
    'listen',
    'log',
    'surprise',
    'tenant',
  ]);
  t.is(problems['engine.custody'], 'Expected one of wrapped, resident, received "pocket".');
  t.is(problems.tenant, 'Expected a GUID in lower case, received "me" (from STRONGROOM_TENANT).');
  t.is(problems.surprise, 'There is no such setting.');
});

const LISTEN: readonly [text: string, addresses: string[] | undefined][] = [
  ['127.0.0.1:80', ['127.0.0.1:80']],
  ['[::]:8443', [':::8443']],
  ['0.0.0.0:1,[::1]:2', ['0.0.0.0:1', '::1:2']],
  ['localhost:9', ['::1:9', '127.0.0.1:9']],
  ['host.example:443', ['host.example:443']],
  ['8443', undefined],
  [':8443', undefined],
  ['127.0.0.1', undefined],
  ['127.0.0.1:0', undefined],
  ['127.0.0.1:65536', undefined],
  ['::1:8443', undefined],
  ['', undefined],
  ['a b:1', undefined],
];

for (const [text, addresses] of LISTEN) {
  test(`listen ${JSON.stringify(text)} is ${addresses?.join(' and ') ?? 'refused'}`, (t) => {
    if (addresses === undefined) {
      t.deepEqual(Object.keys(problemsOf({ flags: { listen: text } })), ['listen']);
    } else {
      const { listen } = loadConfiguration({ environment: {}, flags: { listen: text } });
      t.deepEqual(
        listen.map(({ host, port }) => `${host}:${port}`),
        addresses,
      );
    }
  });
}

const ONE = { module: 'm', tokenLabel: 'l', pinFile: 'p' };
const A = { name: 'a', ...ONE };
const B = { name: 'b', ...ONE, tokenLabel: 'other' };

const CONTRADICTIONS: readonly [what: string, content: object, path: string][] = [
  ['a certificate without key', { tls: { certificate: 'a' } }, 'tls.key'],
  ['a key without certificate', { tls: { key: 'a' } }, 'tls.certificate'],
  ['a module without label', { hsm: { module: 'm', pinFile: 'p' } }, 'hsm.tokenLabel'],
  ['a module without PIN', { hsm: { module: 'm', tokenLabel: 'l' } }, 'hsm.pinFile'],
  ['two PINs', { hsm: { module: 'm', tokenLabel: 'l', pinFile: 'p', pinVariable: 'P' } }, 'hsm.pinVariable'],
  [
    'managed identities where others can ask',
    { identity: { managedIdentityListen: '0.0.0.0:8080', managedIdentitiesFile: 'f' } },
    'identity.managedIdentityListen',
  ],
  [
    'managed identities at a name',
    { identity: { managedIdentityListen: 'host.example:8080', managedIdentitiesFile: 'f' } },
    'identity.managedIdentityListen',
  ],
  [
    'managed identities at an address of the network beside one of this machine',
    { identity: { managedIdentityListen: ['127.0.0.1:80', '[fe80::1]:80'], managedIdentitiesFile: 'f' } },
    'identity.managedIdentityListen',
  ],
  ['identities that nobody asks for', { identity: { managedIdentitiesFile: 'f' } }, 'identity.managedIdentityListen'],
  ['no identities', { identity: { managedIdentityListen: 'localhost:80' } }, 'identity.managedIdentitiesFile'],
  [
    'managed identities without their issuer',
    {
      identity: {
        embedded: false,
        issuersFile: 'i',
        managedIdentityListen: '169.254.169.254:80',
        managedIdentitiesFile: 'f',
      },
    },
    'identity.embedded',
  ],
  [
    'managed identities at an address of the HSM',
    { identity: { managedIdentityListen: '127.0.0.1:8443', managedIdentitiesFile: 'f' } },
    'identity.managedIdentityListen',
  ],
  ['nobody to be believed', { identity: { embedded: false } }, 'identity.issuersFile'],
  ['a label without module', { hsm: { tokenLabel: 'l' } }, 'hsm.module'],
  ['parameters without module', { hsm: { moduleParameters: "configdir='sql:/d'" } }, 'hsm.module'],
  ['a module beside several tokens of our own', { hsm: { ...ONE, ownTokens: 2 } }, 'hsm.ownTokens'],
  ['tokens beside several of our own', { hsm: { tokens: [A], ownTokens: 2 } }, 'hsm.ownTokens'],
  ['several tokens of our own in threads', { hsm: { ownTokens: 2, isolation: 'thread' } }, 'hsm.isolation'],
  [
    'tokens of different parameters in threads',
    { hsm: { tokens: [A, { ...B, moduleParameters: 'p' }], isolation: 'thread' } },
    'hsm.isolation',
  ],
  ['no tokens', { hsm: { tokens: [] } }, 'hsm.tokens'],
  ['17 tokens', { hsm: { tokens: Array(17).fill(A) } }, 'hsm.tokens'],
  ['a token that is no object', { hsm: { tokens: 'a' } }, 'hsm.tokens'],
  ['a token without name', { hsm: { tokens: [A, { ...B, name: undefined }] } }, 'hsm.tokens[1].name'],
  ['a name that no path can hold', { hsm: { tokens: [{ ...A, name: 'a/b' }] } }, 'hsm.tokens[0].name'],
  ['a name that two tokens have', { hsm: { tokens: [A, { ...B, name: 'a' }] } }, 'hsm.tokens[1].name'],
  ['a token that is there twice', { hsm: { tokens: [A, { ...A, name: 'b' }] } }, 'hsm.tokens[1].tokenLabel'],
  ['one of several without module', { hsm: { tokens: [{ ...A, module: undefined }] } }, 'hsm.tokens[0].module'],
  ['one of several without label', { hsm: { tokens: [{ ...A, tokenLabel: undefined }] } }, 'hsm.tokens[0].tokenLabel'],
  ['one of several without PIN', { hsm: { tokens: [A, { ...B, pinFile: undefined }] } }, 'hsm.tokens[1].pinFile'],
  ['one of several with two PINs', { hsm: { tokens: [{ ...A, pinVariable: 'P' }] } }, 'hsm.tokens[0].pinVariable'],
  ['something unknown of a token', { hsm: { tokens: [{ ...A, colour: 'red' }] } }, 'hsm.tokens[0].colour'],
  ['a number of hosts of a token', { hsm: { tokens: [{ ...A, hosts: 0 }] } }, 'hsm.tokens[0].hosts'],
];

for (const [what, content, path] of CONTRADICTIONS) {
  test(`${what} is a problem of ${path}`, (t) => {
    t.deepEqual(Object.keys(problemsOf({ file: fileOf(content) })), [path]);
  });
}

test('a relative path of a file starts from the file, another from where the program runs', (t) => {
  const file = fileOf({ dataDir: 'kept', tls: { certificate: '/c.pem', key: 'k.pem' } });
  const configuration = loadConfiguration({ file, environment: {} });
  t.is(configuration.dataDir, join(directory, 'kept'));
  t.is(configuration.tls.certificate, '/c.pem');
  t.is(configuration.tls.key, join(directory, 'k.pem'));
  t.is(loadConfiguration({ environment: {}, flags: { dataDir: 'here' } }).dataDir, join(process.cwd(), 'here'));
});

for (const [what, file] of [
  ['missing', join(directory, 'missing.json')],
  ['no JSON', fileOf('{')],
  ['a list', fileOf([])],
  ['null', fileOf('null')],
] as const) {
  test(`a file that is ${what} is a problem of the file`, (t) => {
    t.deepEqual(Object.keys(problemsOf({ file })), ['file']);
  });
}

test('a member __proto__ in the file is no setting', (t) => {
  t.deepEqual(Object.keys(problemsOf({ file: fileOf('{"__proto__":{"domain":"evil.example"}}') })), ['__proto__']);
});

test('the issuer is in the domain that the pool domain is in, unless it is named', (t) => {
  const named = (flags: Record<string, string>) => hostNames(loadConfiguration({ environment: {}, flags }));
  t.is(named({}).login, 'login.localhost');
  t.is(named({ domain: 'managedhsm.example.org' }).login, 'login.example.org');
  t.is(named({ loginHost: 'sts.example.org' }).login, 'sts.example.org');
  t.deepEqual(named({}).all, [
    'demo.managedhsm.localhost',
    '*.managedhsm.localhost',
    'login.localhost',
    'localhost',
    '127.0.0.1',
    '::1',
  ]);
  t.is(originOf('a.example', 443), 'https://a.example');
  t.is(originOf('a.example', 8443), 'https://a.example:8443');
});

test('where private links and proxies arrive is nowhere unless it is said', (t) => {
  const nowhere = { rulesFile: undefined, privateListen: [], proxyListen: [], trustedProxies: [] };
  t.deepEqual(loadConfiguration({ environment: {} }).network as unknown, nowhere);
  const proxyListen = ['192.0.2.5:8444', '[2001:db8::5]:8444'];
  const network = { proxyListen, trustedProxies: ['192.0.2.0/28', '2001:db8::/64'] };
  const fromFile = loadConfiguration({ environment: {}, file: fileOf({ network }) });
  const environment = {
    STRONGROOM_NETWORK_PROXY_LISTEN: proxyListen.join(','),
    STRONGROOM_NETWORK_TRUSTED_PROXIES: '192.0.2.0/28, 2001:db8::/64',
  };
  t.deepEqual(fromFile.network, loadConfiguration({ environment }).network);
  t.deepEqual(
    fromFile.network.trustedProxies.map(({ text }) => text),
    network.trustedProxies,
  );
});

test('proxies that are trusted nowhere, and a place for proxies that trusts none, are contradictions', (t) => {
  const [listen, trusted] = [
    { STRONGROOM_NETWORK_PROXY_LISTEN: '[::1]:1' },
    { STRONGROOM_NETWORK_TRUSTED_PROXIES: '::1' },
  ];
  t.deepEqual(Object.keys(problemsOf({ environment: listen })), ['network.trustedProxies']);
  t.deepEqual(Object.keys(problemsOf({ environment: trusted })), ['network.proxyListen']);
  t.deepEqual(problemsOf({ environment: { ...listen, ...trusted } }), {});
});

for (const trusted of ['proxy.example', '010.0.0.1', '10.0.0.1/8', '::ffff:10.0.0.1', '10.0.0.0/8;', '', ',']) {
  test(`${JSON.stringify(trusted)} is no trusted proxy`, (t) => {
    const environment = { STRONGROOM_NETWORK_PROXY_LISTEN: '[::1]:1', STRONGROOM_NETWORK_TRUSTED_PROXIES: trusted };
    t.truthy(problemsOf({ environment })['network.trustedProxies']);
  });
}

const TAKEN: readonly [listen: string, privateListen: string, isTaken: boolean][] = [
  ['192.0.2.1:8443', '192.0.2.1:8443', true],
  ['0.0.0.0:8443', '192.0.2.1:8443', true],
  ['192.0.2.1:8443', '0.0.0.0:8443', true],
  ['[::]:8443', '192.0.2.1:8443', true],
  ['[::]:8443', '[2001:db8::1]:8443', true],
  ['localhost:8443', '127.0.0.1:8443', true],
  ['192.0.2.1:8443', '192.0.2.1:8444', false],
  ['192.0.2.1:8443', '192.0.2.2:8443', false],
  ['0.0.0.0:8443', '[2001:db8::1]:8443', false],
];

for (const [listen, privateListen, isTaken] of TAKEN) {
  test(`a private link may ${isTaken ? 'not ' : ''}end at ${privateListen} beside ${listen}`, (t) => {
    const environment = { STRONGROOM_LISTEN: listen, STRONGROOM_NETWORK_PRIVATE_LISTEN: privateListen };
    t.deepEqual(Object.keys(problemsOf({ environment })), isTaken ? ['network.privateListen'] : []);
  });
}

test('several tokens have a name each, and what an entry leaves open of its profile is as it is for all', (t) => {
  const tokens = [{ ...A, profile: 'nss', hosts: 2, moduleParameters: 'p' }, B];
  const { hsm } = loadConfiguration({ environment: {}, file: fileOf({ hsm: { tokens, lanesPerHost: 3 } }) });
  t.like(hsm.tokens[0], { name: 'a', module: join(directory, 'm'), tokenLabel: 'l', profile: 'nss', hosts: 2 });
  t.like(hsm.tokens[1], { name: 'b', tokenLabel: 'other', profile: undefined, hosts: undefined });
  t.is(hsm.tokens.length, 2);
  t.true(Object.isFrozen(hsm.tokens) && Object.isFrozen(hsm.tokens[0]));
});

test('several tokens and one in the words for a single one do not go together, and each word is told', (t) => {
  const hsm = { tokens: [A], ...ONE, pinVariable: 'P', moduleParameters: 'q' };
  const names = ['module', 'tokenLabel', 'pinFile', 'pinVariable', 'moduleParameters'];
  t.deepEqual(Object.keys(problemsOf({ file: fileOf({ hsm }) })).sort(), names.map((name) => `hsm.${name}`).sort());
});

test('a list of tokens is in the file and nowhere else', (t) => {
  const problems = problemsOf({ environment: { STRONGROOM_HSM_TOKENS: '[]' } });
  t.regex(problems['hsm.tokens'] ?? '', /^Expected it in the file, .*STRONGROOM_HSM_TOKENS/);
});

test('how many tokens are made in the data directory is 1 to 16', (t) => {
  t.is(loadConfiguration({ environment: {} }).hsm.ownTokens, 1);
  t.is(loadConfiguration({ environment: {}, flags: { 'hsm.ownTokens': '3' } }).hsm.ownTokens, 3);
  for (const value of ['0', '17', 'two']) {
    t.deepEqual(Object.keys(problemsOf({ flags: { 'hsm.ownTokens': value } })), ['hsm.ownTokens'], value);
  }
});
