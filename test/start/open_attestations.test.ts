import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ConfigurationError } from '../../src/config/configuration_error.ts';
import type { Configuration } from '../../src/config/settings.ts';
import { openAttestations } from '../../src/start/open_attestations.ts';
import { AuthorityKey } from '../attestation/authority_fixture.ts';
import { refused } from '../fixtures/refused.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-attestations-'));
test.after.always(() => rmSync(directory, { recursive: true }));

const ISSUER = 'https://authority.example';
const key = new AuthorityKey('first');
const configured = (authoritiesFile: string | undefined): Configuration =>
  ({ release: { authoritiesFile } }) as Configuration;

function file(name: string, content: unknown): string {
  const path = join(directory, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

test('the authorities of the configured file are believed', async (t) => {
  file('keys.json', { keys: [await key.jwk()] });
  const path = file('authorities.json', { authorities: [{ issuer: ISSUER, keysFile: 'keys.json' }] });
  const attestations = await openAttestations(configured(path));
  t.is((await attestations.verify(await key.sign({ iss: ISSUER }))).authority, ISSUER);
});

test('without a file nobody is believed', async (t) => {
  const attestations = await openAttestations(configured(undefined));
  await refused(t, attestations.verify(await key.sign({ iss: ISSUER })), 'Forbidden', 'AttestationNotAccepted');
});

test('a file that will not do is a wrong setting, told with its path', async (t) => {
  const path = file('wrong.json', { authorities: [{ issuer: 'authority' }] });
  const error = await t.throwsAsync(openAttestations(configured(path)), { instanceOf: ConfigurationError });
  t.deepEqual(
    error.problems.map((problem) => problem.path),
    ['release.authoritiesFile'],
  );
  t.true(error.problems[0]?.message.includes(path));
});
