import { readFile } from 'node:fs/promises';
import test from 'ava';
import { openFaultyEngine } from '../campaigns/faulty_engine.ts';

/*
 * What becomes of the session in which a call fails (Operations::settleSession in native/operations.cc), by the log of the fault module: one
 * host with one lane, so whatever comes after the failure is what was made of it.
 */

const DIGEST = Buffer.alloc(32, 7);
const KEEPS: readonly string[] = [];

const signing = [
  { value: 0x05, name: 'CKR_GENERAL_ERROR', calls: ['C_CloseSession', 'C_OpenSession'] },
  { value: 0x90, name: 'CKR_OPERATION_ACTIVE', calls: ['C_CloseSession', 'C_OpenSession'] },
  { value: 0x91, name: 'CKR_OPERATION_NOT_INITIALIZED', calls: ['C_CloseSession', 'C_OpenSession'] },
  { value: 0xb3, name: 'CKR_SESSION_HANDLE_INVALID', calls: ['C_OpenSession'] },
  { value: 0x31, name: 'CKR_DEVICE_MEMORY', calls: KEEPS },
] as const;

/** What is done about sessions from the failure on; the failing call is the first of its function. */
async function callsAfter(path: string, functionName: string): Promise<string[]> {
  const ends = (await readFile(`${path}.log`, 'utf8'))
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([mark]) => mark === 'e')
    .map(([, , , , name = '']) => name);
  return ends.slice(ends.indexOf(functionName)).filter((name) => name === 'C_OpenSession' || name === 'C_CloseSession');
}

for (const { value, name, calls } of signing) {
  test(`${name} of a signature: ${calls.length === 0 ? 'its session is kept' : calls.join(', ')}`, async (t) => {
    const { engine, rules } = await openFaultyEngine(t, { hosts: 1, signatureChecks: 'off' });
    const key = { name: 'ec' };
    await engine.createKey({ ...key, spec: { keyType: 'EC-HSM', curve: 'P-256' } });
    const sign = () => engine.sign({ key, algorithm: 'ES256', digest: DIGEST });
    await sign();
    await rules.set('log', `C_Sign 1 after return 0x${value.toString(16)}`);
    const { signature } = await sign();
    t.true((await engine.verify({ key, algorithm: 'ES256', digest: DIGEST, signature })).valid, 'it was made again');
    t.deepEqual(await callsAfter(rules.path, 'C_Sign'), calls);
    await engine.close();
  });
}

test('CKR_GENERAL_ERROR of a decryption, which the caller’s bytes may be the reason of: its session is kept', async (t) => {
  const { engine, rules } = await openFaultyEngine(t, { hosts: 1 });
  const key = { name: 'rsa' };
  await engine.createKey({ ...key, spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } });
  const plaintext = Buffer.from('of the caller');
  const { ciphertext } = await engine.encrypt({ key, algorithm: 'RSA1_5', plaintext });
  const decrypt = () => engine.decrypt({ key, algorithm: 'RSA1_5', ciphertext });
  t.deepEqual(Buffer.from((await decrypt()).plaintext), plaintext);
  await rules.set('log', 'C_Decrypt 1 after return 0x5');
  await t.throwsAsync(decrypt(), { code: 'DecryptionFailed' });
  t.deepEqual(Buffer.from((await decrypt()).plaintext), plaintext);
  t.deepEqual(await callsAfter(rules.path, 'C_Decrypt'), KEEPS);
  await engine.close();
});
