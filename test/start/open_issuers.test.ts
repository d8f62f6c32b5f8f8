import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ConfigurationError } from '../../src/config/configuration_error.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import type { Configuration } from '../../src/config/settings.ts';
import { Authenticator } from '../../src/identity/authenticator.ts';
import { type EmbeddedPlace, type OpenedIssuers, openIssuers, readIssuers } from '../../src/start/open_issuers.ts';
import { refused } from '../fixtures/refused.ts';
import {
  AUDIENCE,
  compact,
  issuer as embedded,
  goodClaims,
  goodToken,
  ISSUER,
  OBJECT_ID,
  RS256_HEADER,
  rs256,
  rsaJwk,
  strangerRsa,
  TENANT,
} from '../identity/token_fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-issuers-'));
test.after.always(() => rmSync(directory, { recursive: true }));

const PLACE = { host: 'login.localhost', tenantId: TENANT };
const STRANGER = 'https://sso.example.org/realms/production';
const stranger = { ...strangerRsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' };

function file(name: string, content: unknown): string {
  const path = join(directory, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

file('stranger.json', { keys: [stranger] });
file('rsa.json', { keys: [rsaJwk] });
const openid = { kind: 'openid', issuer: STRANGER, algorithms: ['RS256'], keysFile: 'stranger.json' };
const issuersFile = file('issuers.json', {
  issuers: [openid, { kind: 'entra', tenant: OBJECT_ID, keysFile: 'rsa.json' }],
});

function configured(identity: Record<string, string>): Configuration {
  const flags = Object.entries(identity).map(([name, value]) => [`identity.${name}`, value]);
  return loadConfiguration({ environment: {}, flags: Object.fromEntries(flags) });
}

const strangersToken = (changes: Record<string, unknown> = {}): string =>
  compact(RS256_HEADER, { ...goodClaims(), iss: STRANGER, ...changes }, rs256(strangerRsa.privateKey));

async function opened(configuration: Configuration, place: EmbeddedPlace): Promise<OpenedIssuers> {
  return openIssuers(configuration, await readIssuers(configuration), place);
}

async function asking(authenticator: Authenticator, token: string): Promise<unknown> {
  return authenticator.authenticate(token);
}

test('the embedded issuer is believed beside those of the file, and announced', async (t) => {
  const issuers = await opened(configured({ issuersFile }), { ...PLACE, trusted: embedded });
  t.deepEqual(issuers.announced, { kind: 'embedded', ...PLACE });
  const authenticator = new Authenticator(issuers.trusted);
  t.is((await authenticator.authenticate(goodToken())).objectId, OBJECT_ID);
  t.is((await authenticator.authenticate(strangersToken())).tenantId, TENANT);
  await refused(t, asking(authenticator, strangersToken({ iss: ISSUER })), 'Unauthorized');
});

test('where it is switched off it is not believed, and the first of the file is announced', async (t) => {
  const settings = configured({ issuersFile, embedded: 'false' });
  const issuers = await opened(settings, { ...PLACE, trusted: undefined });
  t.deepEqual(issuers.announced, { kind: 'configured', authorization: STRANGER });
  const authenticator = new Authenticator(issuers.trusted);
  await refused(t, asking(authenticator, goodToken()), 'Unauthorized');
  await t.notThrowsAsync(async () => authenticator.authenticate(strangersToken()));
});

test('tokens of the others are for the resources that the service announces, each exactly', async (t) => {
  const issuers = await opened(configured({ issuersFile }), { ...PLACE, trusted: embedded });
  const authenticator = new Authenticator(issuers.trusted);
  for (const aud of [AUDIENCE, 'https://managedhsm.localhost', 'https://managedhsm.azure.net']) {
    await t.notThrowsAsync(async () => authenticator.authenticate(strangersToken({ aud })), aud);
  }
  for (const aud of ['https://managedhsm.localhost:9443', `${AUDIENCE}/`, 'https://managedhsm.azure.net/']) {
    await refused(t, asking(authenticator, strangersToken({ aud })), 'Unauthorized');
  }
});

const WRONG: readonly [what: string, content: unknown][] = [
  ['no issuers', { issuers: [] }],
  ['the name of the embedded issuer', { issuers: [{ ...openid, issuer: ISSUER }] }],
  ['a file of keys that is not there', { issuers: [{ ...openid, keysFile: 'nowhere.json' }] }],
];

for (const [what, content] of WRONG) {
  test(`a file with ${what} is a wrong setting, told with its path`, async (t) => {
    const path = file('wrong.json', content);
    const opening = opened(configured({ issuersFile: path }), { ...PLACE, trusted: embedded });
    const error = await t.throwsAsync(opening, { instanceOf: ConfigurationError });
    t.deepEqual(
      error.problems.map((problem) => problem.path),
      ['identity.issuersFile'],
    );
  });
}
