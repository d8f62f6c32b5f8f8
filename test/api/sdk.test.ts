import { execFile, execFileSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { RunningServer } from './running_server.ts';

const server = await RunningServer.start();
test.after.always(() => server.remove());
const directory = mkdtempSync(join(tmpdir(), 'strongroom-sdk-'));
test.after.always(() => rmSync(directory, { recursive: true }));

const PROGRAM = new URL('sdk_program.mjs', import.meta.url).pathname;

interface Report {
  readonly id: string;
  readonly digest: string;
  readonly signature: string;
  readonly x: string;
  readonly y: string;
}

/** With the environment that `strongroom env` gives, and with nothing else. */
async function runProgram(environment: Record<string, string> = server.environment): Promise<Report> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], { env: environment });
  return JSON.parse(stdout) as Report;
}

test.serial('an unmodified Azure program creates keys, signs, verifies, wraps and encrypts', async (t) => {
  const report = await runProgram();
  t.like(report, {
    keyType: 'EC-HSM',
    valid: true,
    forged: false,
    sameKey: true,
    unwrapped: true,
    opened: true,
    randomBytes: 32,
    missing: { statusCode: 404, code: 'KeyNotFound' },
  });
  t.regex(report.id, new RegExp(`^${server.url}/keys/invoices/[0-9a-f]{32}$`));
});

test.serial('openssl verifies the signature with the exported public key', async (t) => {
  const { digest, signature, x, y } = await runProgram();
  const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  const paths = {
    key: join(directory, 'key.pem'),
    digest: join(directory, 'digest'),
    signature: join(directory, 'signature'),
  };
  writeFileSync(paths.key, publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(paths.digest, Buffer.from(digest, 'base64url'));
  writeFileSync(paths.signature, derOf(Buffer.from(signature, 'base64url')));
  const check = (digestPath: string) =>
    execFileSync(
      'openssl',
      ['pkeyutl', '-verify', '-pubin', '-inkey', paths.key, '-in', digestPath, '-sigfile', paths.signature],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
  t.regex(check(paths.digest), /Signature Verified Successfully/);
  const other = join(directory, 'other');
  writeFileSync(other, Buffer.alloc(32, 1));
  t.throws(() => check(other));
  const message = join(directory, 'message');
  writeFileSync(message, 'Pay 100 to Alice');
  const dgst = execFileSync(
    'openssl',
    ['dgst', '-sha256', '-verify', paths.key, '-signature', paths.signature, message],
    { encoding: 'utf8' },
  );
  t.is(dgst.trim(), 'Verified OK');
  t.true(
    verify(
      'sha256',
      Buffer.from('Pay 100 to Alice'),
      { key: publicKey, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    ),
  );
});

test.serial('without the local authority the program trusts nobody', async (t) => {
  const { NODE_EXTRA_CA_CERTS: _authority, ...environment } = server.environment;
  const error = await t.throwsAsync(runProgram(environment));
  t.regex(
    String((error as Error & { stderr?: string }).stderr),
    /unable to (?:verify the first|get local issuer) certificate/,
  );
});

test.serial('with a wrong secret the program gets no token', async (t) => {
  const error = await t.throwsAsync(runProgram({ ...server.environment, AZURE_CLIENT_SECRET: 'wrong' }));
  t.regex(String((error as Error & { stderr?: string }).stderr), /AADSTS7000215/);
});

test.serial('keys, secret and authority survive a restart', async (t) => {
  const before = { ...server.environment };
  const { id } = await runProgram();
  t.deepEqual(await server.stop(), { code: 0, signal: null });
  await server.restart();
  t.deepEqual(server.environment, before);
  const [, path = ''] = id.split(`:${server.port}`);
  const { status, json } = await server.get(path);
  t.is(status, 200);
  t.is((json.key as { kid: string }).kid, id);
  const signed = await server.post(`${path}/sign`, { alg: 'ES256', value: Buffer.alloc(32, 1).toString('base64url') });
  t.is(signed.status, 200);
});

/** r ‖ s as the two integers of RFC 3279, which is what openssl reads. */
function derOf(signature: Buffer): Buffer {
  const integer = (bytes: Buffer) => {
    let start = 0;
    while (start < bytes.length - 1 && bytes[start] === 0) start++;
    const trimmed = bytes.subarray(start);
    const padded = (trimmed[0] as number) >= 0x80 ? Buffer.concat([Buffer.of(0), trimmed]) : trimmed;
    return Buffer.concat([Buffer.of(2, padded.length), padded]);
  };
  const half = signature.length / 2;
  const content = Buffer.concat([integer(signature.subarray(0, half)), integer(signature.subarray(half))]);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}
