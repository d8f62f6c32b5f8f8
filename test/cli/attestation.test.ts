import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { KeySpec } from '../../src/model/key.ts';
import { attestedKeyBundle } from '../../src/server/wire/key_bundle.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';

const PROGRAM = new URL('../../src/cli/strongroom.ts', import.meta.url).pathname;

let token: TestToken;
let stranger: TestToken;
let opened: TestEngine;
let ofStranger: TestEngine;

test.before(async () => {
  token = await openTestToken();
  stranger = await openTestToken();
  opened = await token.openEngine();
  ofStranger = await stranger.openEngine();
});
test.after.always(() => Promise.all([token.close(), stranger.close()]));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, 'attestation', 'verify', ...args],
      { timeout: 60_000 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

let files = 0;
function file(content: string): string {
  const path = join(token.directory, `file-${files++}`);
  writeFileSync(path, content);
  return path;
}

interface Attested {
  readonly bundle: string;
  readonly certificate: string;
}

let keys = 0;
async function attested(
  engine: TestEngine['engine'],
  spec: KeySpec,
  custody: 'wrapped' | 'resident' = 'wrapped',
): Promise<Attested> {
  const name = `key-${keys++}`;
  await engine.createKey({ name, spec, custody });
  const attestation = await engine.attestKey({ name });
  return { bundle: attestedKeyBundle('pool.example', attestation), certificate: attestation.certificates };
}

const EC = { keyType: 'EC-HSM', curve: 'P-256' } as const;
const RSA = { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } as const;

for (const [spec, custody] of [
  [EC, 'wrapped'],
  [{ keyType: 'EC-HSM', curve: 'P-256K' }, 'wrapped'],
  [{ keyType: 'EC-HSM', curve: 'P-521' }, 'resident'],
  [RSA, 'resident'],
  [{ keyType: 'oct-HSM', size: 256 }, 'wrapped'],
] as const) {
  test(`the attestation of a ${custody} ${spec.keyType} key holds (${JSON.stringify(spec)})`, async (t) => {
    const { bundle, certificate } = await attested(opened.engine, spec, custody);
    const { code, stdout, stderr } = await run('--bundle', file(bundle), '--root', file(certificate));
    t.is(code, 0, stdout + stderr);
    t.notRegex(stdout, /FAIL|hmm/);
    t.regex(stdout, /The attestation holds\.\n$/);
    t.regex(stdout, custody === 'resident' ? /an object of the token/ : /kept wrapped/);
    t.regex(stdout, /sensitive, not extractable/);
  });
}

test('without a certificate that is trusted it says that there was none, and the attestation alone will do', async (t) => {
  const { bundle } = await attested(opened.engine, EC);
  const { attestation } = JSON.parse(bundle).attributes;
  const { code, stdout } = await run('--bundle', file(JSON.stringify(attestation)));
  t.is(code, 0, stdout);
  t.regex(stdout, /hmm {3}certificate .*was not compared.*SHA-256 [0-9A-F:]{95}/);
});

type Bundle = {
  key: Record<string, string>;
  attributes: { attestation: Record<string, string | undefined> };
};

function reencoded(jws: string | undefined, change: (payload: Record<string, unknown>) => void): string {
  const [header, payload = '', signature] = Buffer.from(jws ?? '', 'base64url')
    .toString('ascii')
    .split('.');
  const statement = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  change(statement);
  const changed = Buffer.from(JSON.stringify(statement)).toString('base64url');
  return Buffer.from(`${header}.${changed}.${signature}`, 'ascii').toString('base64url');
}

test('an attestation that was tampered with does not hold, and it says where', async (t) => {
  const { bundle, certificate } = await attested(opened.engine, EC);
  const other = JSON.parse((await attested(opened.engine, EC)).bundle) as Bundle;
  const rsa = JSON.parse((await attested(opened.engine, RSA)).bundle) as Bundle;
  const foreign = await attested(ofStranger.engine, EC);
  const foreignBundle = JSON.parse(foreign.bundle) as Bundle;
  const cases: Readonly<Record<string, readonly [change: (bundle: Bundle) => void, where: RegExp]>> = {
    'another custody': [
      ({ attributes: { attestation } }) => {
        attestation.privateKeyAttestation = reencoded(attestation.privateKeyAttestation, (payload) => {
          payload.custody = 'resident';
        });
      },
      /FAIL {2}private key/,
    ],
    'the private statement of another key': [
      ({ attributes }) => {
        attributes.attestation.privateKeyAttestation = other.attributes.attestation.privateKeyAttestation;
      },
      /FAIL {2}public key .*another key/,
    ],
    'the public statement of another key': [
      ({ attributes }) => {
        attributes.attestation.publicKeyAttestation = rsa.attributes.attestation.publicKeyAttestation;
      },
      /FAIL {2}public key .*another key/,
    ],
    'the public statement in the place of the private one': [
      ({ attributes: { attestation } }) => {
        attestation.privateKeyAttestation = attestation.publicKeyAttestation;
      },
      /FAIL {2}private key .*no such statement/,
    ],
    'no public statement': [
      ({ attributes }) => {
        delete attributes.attestation.publicKeyAttestation;
      },
      /FAIL {2}public key/,
    ],
    'the statements of another pool': [
      ({ attributes }) => {
        attributes.attestation.privateKeyAttestation = foreignBundle.attributes.attestation.privateKeyAttestation;
      },
      /FAIL {2}private key/,
    ],
    'the certificate of another pool': [
      ({ attributes }) => {
        attributes.attestation.certificatePemFile = foreignBundle.attributes.attestation.certificatePemFile;
      },
      /FAIL {2}certificate/,
    ],
    'no certificate': [
      ({ attributes }) => {
        attributes.attestation.certificatePemFile = 'AAAA';
      },
      /FAIL {2}certificate/,
    ],
    'another version of the format': [
      ({ attributes }) => {
        attributes.attestation.version = 'strongroom-2.0';
      },
      /FAIL {2}version/,
    ],
    'another public key in the answer': [
      ({ key }) => {
        key.x = other.key.x as string;
      },
      /FAIL {2}answer/,
    ],
    'another identifier in the answer': [
      ({ key }) => {
        key.kid = other.key.kid as string;
      },
      /FAIL {2}key /,
    ],
    'a release in the place of a statement': [
      ({ attributes }) => {
        attributes.attestation.privateKeyAttestation = Buffer.from('a.b.c').toString('base64url');
      },
      /FAIL {2}private key/,
    ],
  };
  const root = file(certificate);
  for (const [what, [change, where]] of Object.entries(cases)) {
    const changed = JSON.parse(bundle) as Bundle;
    change(changed);
    const { code, stdout } = await run('--bundle', file(JSON.stringify(changed)), '--root', root);
    t.is(code, 1, what);
    t.regex(stdout, where, what);
    t.regex(stdout, /The attestation does not hold\.\n$/, what);
  }
  const { code, stdout } = await run('--bundle', file(foreign.bundle), '--root', root);
  t.is(code, 1);
  t.regex(stdout, /FAIL {2}certificate .*another key than the one that is trusted/);
});

test('what is no attestation does not hold, and a file that is not there is a wrong setting', async (t) => {
  for (const text of ['', 'text', '[]', '{}', '{"attributes":{}}']) {
    const { code, stdout } = await run('--bundle', file(text));
    t.is(code, 1);
    t.regex(stdout, /FAIL {2}bundle/);
  }
  const { code, stderr } = await run('--bundle', join(token.directory, 'absent'));
  t.is(code, 78);
  t.regex(stderr, /--bundle: .* cannot be read \(ENOENT\)/);
});
