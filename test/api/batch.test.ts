import { createHash, createPublicKey, verify } from 'node:crypto';
import test from 'ava';
import { RunningServer } from './running_server.ts';

const server = await RunningServer.start();
test.after.always(() => server.remove());

interface Result {
  readonly reference: string;
  readonly status: number;
  readonly result?: { readonly kid: string; readonly value: string };
  readonly error?: { readonly code: string; readonly innererror?: { readonly code: string } };
}

async function batch(path: string, operations: readonly object[]): Promise<readonly Result[]> {
  const { status, json } = await server.post(path, { operations });
  if (status !== 200) throw new Error(JSON.stringify(json));
  return json.results as Result[];
}

const digestOf = (text: string) => createHash('sha256').update(text).digest().toString('base64url');

test.before(async () => {
  await server.post('/keys/ec/create', { kty: 'EC' });
  await server.post('/keys/oct/create', { kty: 'oct' });
});

test.serial('256 signatures of one batch are those of their own messages', async (t) => {
  const { json } = await server.get('/keys/ec');
  const { kid, x, y } = json.key as { kid: string; x: string; y: string };
  const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  const messages = Array.from({ length: 256 }, (_, index) => `message ${index}`);
  const results = await batch(
    '/keys/ec/batch',
    messages.map((text) => ({ reference: text, operation: 'sign', alg: 'ES256', value: digestOf(text) })),
  );
  t.deepEqual(
    results.map(({ reference }) => reference),
    messages,
  );
  for (const { reference, result } of results) {
    t.is(result?.kid, kid);
    const signature = Buffer.from(result?.value ?? '', 'base64url');
    t.true(verify('sha256', Buffer.from(reference), { key, dsaEncoding: 'ieee-p1363' }, signature));
  }
});

test.serial('what is encrypted in one batch is decrypted in another, and what is wrong fails alone', async (t) => {
  const texts = ['one', 'two', 'three'];
  const sealed = await batch(
    '/keys/oct/batch',
    texts.map((text) => ({
      reference: text,
      operation: 'encrypt',
      alg: 'A256GCM',
      value: Buffer.from(text).toString('base64url'),
    })),
  );
  const operations = sealed.map(({ reference, result }) => ({
    reference,
    operation: 'decrypt',
    alg: 'A256GCM',
    ...result,
  }));
  const other = operations[1] as Record<string, unknown>;
  const opened = await batch('/keys/oct/batch', [
    ...operations,
    { ...other, reference: 'broken', tag: Buffer.alloc(16).toString('base64url') },
    { ...other, reference: 'not permitted', operation: 'sign', alg: 'HS256' },
  ]);
  t.deepEqual(
    opened.slice(0, 3).map(({ result }) => Buffer.from(result?.value ?? '', 'base64url').toString()),
    texts,
  );
  t.like(opened[3], { reference: 'broken', status: 400, error: { code: 'DecryptionFailed' } });
  t.like(opened[4], { status: 403, error: { code: 'Forbidden', innererror: { code: 'KeyOperationForbidden' } } });
});

test.serial('a batch with a key that there is not is refused item by item', async (t) => {
  const results = await batch('/keys/nothing/batch', [
    { reference: 'a', operation: 'sign', alg: 'ES256', value: digestOf('a') },
    { reference: 'b', operation: 'sign', alg: 'ES257', value: digestOf('b') },
  ]);
  t.like(results[0], { status: 404, error: { code: 'KeyNotFound' } });
  t.like(results[1], { status: 400, error: { code: 'BadParameter' } });
});
