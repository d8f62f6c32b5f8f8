import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { AttestationAuthorities } from '../../src/attestation/attestation_authorities.ts';
import { AuthoritiesFileError, readAuthoritiesFile } from '../../src/attestation/authorities_file.ts';
import { AuthorityKey } from './authority_fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-authorities-'));
test.after.always(() => rmSync(directory, { recursive: true }));

const key = new AuthorityKey('first');
writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys: [await key.jwk()] }));
writeFileSync(join(directory, 'empty.json'), JSON.stringify({ keys: [] }));
writeFileSync(join(directory, 'ca.pem'), 'certificates');
const ISSUER = 'https://authority.example';

let files = 0;
function file(content: unknown): string {
  const path = join(directory, `authorities-${files++}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

test('keys that are pinned, keys that are published, and where they are published unless it is said', async (t) => {
  const configured = await readAuthoritiesFile(
    file({
      authorities: [
        { issuer: ISSUER, keysFile: 'keys.json' },
        { issuer: 'https://one.example', algorithms: ['ES256', 'PS384'], caFile: 'ca.pem' },
        { issuer: 'https://two.example/tenant/', metadata: 'https://elsewhere.example/metadata' },
        { issuer: 'https://three.example/tenant/' },
      ],
    }),
  );
  t.deepEqual(
    configured.map(({ algorithms }) => algorithms),
    [['RS256'], ['ES256', 'PS384'], ['RS256'], ['RS256']],
  );
  const [pinned, one, two, three] = configured.map(({ keys }) => keys);
  t.deepEqual(pinned, { kind: 'pinned', keySet: { keys: [JSON.parse(JSON.stringify(await key.jwk()))] } });
  t.like(one, { kind: 'published', certificateAuthorities: 'certificates' });
  const metadata = [one, two, three].map((keys) => (keys?.kind === 'published' ? keys.metadata.href : undefined));
  t.deepEqual(metadata, [
    'https://one.example/.well-known/openid-configuration',
    'https://elsewhere.example/metadata',
    'https://three.example/tenant/.well-known/openid-configuration',
  ]);
});

test('authorities of a file are believed', async (t) => {
  const authorities = await AttestationAuthorities.open(
    file({ authorities: [{ issuer: ISSUER, keysFile: 'keys.json' }] }),
  );
  t.is((await authorities.verify(await key.sign({ iss: ISSUER }))).authority, ISSUER);
});

const pinned = { issuer: ISSUER, keysFile: 'keys.json' };

const REFUSED: readonly [what: string, content: unknown, message: RegExp][] = [
  ['no JSON', 'authorities', /is no JSON/],
  ['a list', [], /expected an object/],
  ['no authorities', {}, /expected a list/],
  ['authorities that are no list', { authorities: pinned }, /expected a list/],
  ['too many authorities', { authorities: Array.from({ length: 65 }, () => pinned) }, /at most 64/],
  ['an unknown member beside them', { authorities: [], notes: '' }, /unknown member notes/],
  ['an unknown member in one', { authorities: [{ ...pinned, jwks_uri: '' }] }, /unknown member jwks_uri/],
  [
    'an authority that is no object',
    { authorities: ['https://authority.example'] },
    /authorities\[0\]: expected an object/,
  ],
  ['no issuer', { authorities: [{ keysFile: 'keys.json' }] }, /a URL for issuer/],
  ['an issuer that is no URL', { authorities: [{ issuer: 'authority', keysFile: 'keys.json' }] }, /a URL for issuer/],
  ['an issuer twice', { authorities: [pinned, pinned] }, /an issuer twice/],
  ['algorithms that are none', { authorities: [{ ...pinned, algorithms: ['none'] }] }, /expected algorithms/],
  [
    'algorithms with a shared secret',
    { authorities: [{ ...pinned, algorithms: ['RS256', 'HS256'] }] },
    /expected algorithms/,
  ],
  ['no algorithms', { authorities: [{ ...pinned, algorithms: [] }] }, /expected algorithms/],
  [
    'keys that are not there',
    { authorities: [{ issuer: ISSUER, keysFile: 'absent.json' }] },
    /cannot be read \(ENOENT\)/,
  ],
  ['keys that are no keys', { authorities: [{ issuer: ISSUER, keysFile: 'ca.pem' }] }, /is no JSON/],
  ['no key among the keys', { authorities: [{ issuer: ISSUER, keysFile: 'empty.json' }] }, /no JSON Web Key Set/],
  ['keys by another way as well', { authorities: [{ ...pinned, metadata: 'https://a.example' }] }, /without metadata/],
  [
    'metadata over http',
    { authorities: [{ issuer: ISSUER, metadata: 'http://a.example' }] },
    /an https URL for metadata/,
  ],
  ['an issuer over http without keys', { authorities: [{ issuer: 'http://a.example' }] }, /an https URL for metadata/],
  [
    'a certificate file that is not there',
    { authorities: [{ issuer: ISSUER, caFile: 'absent.pem' }] },
    /cannot be read/,
  ],
  ['a path that is no text', { authorities: [{ issuer: ISSUER, caFile: 7 }] }, /caFile: expected a path/],
];

for (const [what, content, message] of REFUSED) {
  test(`a file with ${what} is refused`, async (t) => {
    const error = await t.throwsAsync(AttestationAuthorities.open(file(content)), { instanceOf: AuthoritiesFileError });
    t.regex(error.message, message);
  });
}

test('a file that is not there is refused', async (t) => {
  const open = AttestationAuthorities.open(join(directory, 'absent.json'));
  await t.throwsAsync(open, { instanceOf: AuthoritiesFileError, message: /cannot be read \(ENOENT\)/ });
});
