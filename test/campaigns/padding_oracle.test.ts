import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { KeyCaller } from '../api/key_caller.ts';
import { type Answer, RunningServer } from '../api/running_server.ts';
import { BAD_CIPHERTEXTS, type BadCiphertext, type OracleKeys } from './bad_ciphertexts.ts';
import { campaign } from './campaign.ts';

const CONNECTIONS = 8;
/** They name the request, the moment, or how long it took (of which padding_timing speaks), and nothing of what was in it. */
const OF_THE_REQUEST: ReadonlySet<string> = new Set(['date', 'x-ms-request-id', 'x-ms-server-latency']);

const base64Url = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('base64url');

/** All that a caller can see of an answer, but for what names the request. */
function seen({ status, headers, json }: Answer): string {
  const requestId = String(headers['x-ms-request-id']);
  const kept = Object.entries(headers).filter(([name]) => !OF_THE_REQUEST.has(name));
  return `${status} ${JSON.stringify(kept)} ${JSON.stringify(json).replaceAll(requestId, 'ID')}`;
}

campaign('padding_oracle', async (t, run) => {
  const server = await RunningServer.start();
  t.teardown(() => server.remove());
  const caller = await KeyCaller.open(server, CONNECTIONS);
  t.teardown(() => caller.close());
  const keys: OracleKeys = { rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }), secret: randomBytes(32) };
  const importKey = (name: string, key: object): Promise<unknown> =>
    caller.ask('PUT', `/keys/${name}`, { key } as never);
  await importKey('rsa', {
    kty: 'RSA-HSM',
    key_ops: ['decrypt', 'unwrapKey'],
    ...keys.rsa.privateKey.export({ format: 'jwk' }),
  });
  await importKey('oct', { kty: 'oct-HSM', key_ops: ['decrypt', 'unwrapKey'], k: keys.secret.toString('base64url') });
  const answers = new Map<string, string>();
  const counts = new Map<string, number>();

  const ask = async (bad: BadCiphertext, index: number): Promise<void> => {
    const made = bad.make(keys, run.random);
    const body = {
      alg: bad.algorithm,
      value: base64Url(made.ciphertext),
      iv: base64Url(made.iv),
      tag: base64Url(made.tag),
      aad: base64Url(made.aad),
    };
    const verb = bad.algorithm.endsWith('KW') ? 'unwrapkey' : 'decrypt';
    const answer = await caller.send('POST', `/keys/${bad.key}/${verb}`, JSON.parse(JSON.stringify(body)));
    const what = seen(answer);
    const first = answers.get(bad.key) ?? what;
    answers.set(bad.key, first);
    counts.set(bad.algorithm, (counts.get(bad.algorithm) ?? 0) + 1);
    if (answer.status !== 400) run.fail(`${bad.algorithm}, ${bad.fault}: ${what}`);
    if (what !== first) run.fail(`${bad.algorithm}, ${bad.fault}: ${what} in place of ${first}`);
    run.done = Math.max(run.done, index + 1);
  };

  let next = 0;
  const work = async (): Promise<void> => {
    while (next < run.count) {
      const index = next++;
      await ask(BAD_CIPHERTEXTS[index % BAD_CIPHERTEXTS.length] as BadCiphertext, index);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  t.log([...counts].map(([algorithm, count]) => `${algorithm} ${count}`).join(', '));
  t.is(new Set(answers.values()).size, 1, [...answers.values()].join('\n'));
  run.measure('kinds of bad ciphertexts', BAD_CIPHERTEXTS.length);
});
