import { createHash } from 'node:crypto';
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { KeyReference } from '../../src/engine/requests.ts';
import { ERROR_CATALOGUE, StrongroomError } from '../../src/model/errors.ts';
import { RETURN_VALUE } from '../../src/pkcs11/return_value.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { findObjects } from '../fixtures/token_inventory.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';
import { campaign } from './campaign.ts';

/*
 * A vendor's library may answer any return value to any call, before it has done what it was asked for or after. Whatever it says, the caller
 * gets a right result or an outcome of the catalogue, the process lives, and the next request is served.
 */

const VENDORS_OWN = 0x8000_1234;
const RECOVERY_MS = 10_000;
const DIGEST = createHash('sha256').update('message').digest();
const VALUE = Buffer.alloc(32, 9);

let token: TestToken;
let opened: TestEngine;
let rules: FaultRules;
let ec: KeyReference;
let aes: KeyReference;
let signature: Uint8Array;
let sealedText: { ciphertext: Uint8Array; iv: Uint8Array; tag: Uint8Array };
let wrapped: Uint8Array;
let made = 0;

test.before(async () => {
  await access(FAULT_MODULE);
  token = await openTestToken();
  rules = new FaultRules(token.directory);
  const environment = { ...token.environment, ...rules.environment };
  opened = await token.openEngine({
    pool: { module: FAULT_MODULE, environment, hosts: 2, restartsPerMinute: 100_000 },
  });
  const { engine } = opened;
  ec = await engine.createKey({ name: 'ec', spec: { keyType: 'EC-HSM', curve: 'P-256' } });
  aes = await engine.createKey({ name: 'aes', spec: { keyType: 'oct-HSM', size: 256 } });
  ({ signature } = await engine.sign({ key: ec, algorithm: 'ES256', digest: DIGEST }));
  const encrypted = await engine.encrypt({ key: aes, algorithm: 'A256GCM', plaintext: VALUE });
  if (encrypted.iv === undefined || encrypted.tag === undefined) throw new TypeError('GCM without IV or tag.');
  sealedText = { ciphertext: encrypted.ciphertext, iv: encrypted.iv, tag: encrypted.tag };
  wrapped = (await engine.wrapKey({ key: aes, algorithm: 'A256KW', value: VALUE })).value;
});
test.after.always(() => token.close());

type Attempt = () => Promise<boolean>;

/** True for a right result. */
const sign: Attempt = async () => {
  const { engine } = opened;
  const made = await engine.sign({ key: ec, algorithm: 'ES256', digest: DIGEST });
  return (await engine.verify({ key: ec, algorithm: 'ES256', digest: DIGEST, signature: made.signature })).valid;
};
const verify: Attempt = async () =>
  (await opened.engine.verify({ key: ec, algorithm: 'ES256', digest: DIGEST, signature })).valid;
const decrypt: Attempt = async () => {
  const { plaintext } = await opened.engine.decrypt({ key: aes, algorithm: 'A256GCM', ...sealedText });
  return Buffer.from(plaintext).equals(VALUE);
};
const encrypt: Attempt = async () => {
  const { engine } = opened;
  const { ciphertext, iv, tag } = await engine.encrypt({ key: aes, algorithm: 'A256GCM', plaintext: VALUE });
  const { plaintext } = await engine.decrypt({ key: aes, algorithm: 'A256GCM', ciphertext, iv, tag });
  return Buffer.from(plaintext).equals(VALUE);
};
const wrap: Attempt = async () => {
  const made = await opened.engine.wrapKey({ key: aes, algorithm: 'A256KW', value: VALUE });
  return Buffer.from(made.value).equals(wrapped);
};
const unwrap: Attempt = async () => {
  const { plaintext } = await opened.engine.unwrapKey({ key: aes, algorithm: 'A256KW', value: wrapped });
  return Buffer.from(plaintext).equals(VALUE);
};
const random: Attempt = async () => (await opened.engine.randomBytes(32)).length === 32;
const createEc: Attempt = async () => {
  const name = `made-${made++}`;
  const { engine } = opened;
  await engine.createKey({ name, spec: { keyType: 'EC-HSM', curve: 'P-256' } });
  const own = await engine.sign({ key: { name }, algorithm: 'ES256', digest: DIGEST });
  return (await engine.verify({ key: { name }, algorithm: 'ES256', digest: DIGEST, signature: own.signature })).valid;
};
const createOct: Attempt = async () => {
  const name = `made-${made++}`;
  const { engine } = opened;
  await engine.createKey({ name, spec: { keyType: 'oct-HSM', size: 256 } });
  const one = await engine.wrapKey({ key: { name }, algorithm: 'A256KW', value: VALUE });
  return one.value.length === VALUE.length + 8;
};
/** A host that starts meets the rule; the other one serves meanwhile. */
const respawn: Attempt = async () => {
  const before = opened.pool.status().hosts[0]?.pid;
  if (before !== undefined) process.kill(before, 'SIGKILL');
  return verify();
};

/** Each function that is used, by something that uses it. */
const USES: readonly (readonly [attempt: Attempt, functions: readonly string[]])[] = [
  [sign, ['C_SignInit', 'C_Sign']],
  [verify, ['C_VerifyInit', 'C_Verify']],
  [encrypt, ['C_EncryptInit', 'C_Encrypt', 'C_GenerateRandom']],
  [decrypt, ['C_DecryptInit', 'C_Decrypt']],
  [wrap, ['C_CreateObject', 'C_WrapKey', 'C_DestroyObject']],
  [unwrap, ['C_UnwrapKey', 'C_GetAttributeValue']],
  [random, ['C_GenerateRandom']],
  [createEc, ['C_GenerateKeyPair', 'C_WrapKey', 'C_UnwrapKey', 'C_GetAttributeValue', 'C_Sign', 'C_DestroyObject']],
  [createOct, ['C_GenerateKey', 'C_WrapKey', 'C_UnwrapKey', 'C_DestroyObject']],
  [
    respawn,
    [
      'C_Initialize',
      'C_GetSlotList',
      'C_GetTokenInfo',
      'C_OpenSession',
      'C_Login',
      'C_FindObjectsInit',
      'C_FindObjects',
      'C_FindObjectsFinal',
      'C_CopyObject',
      'C_GetSessionInfo',
    ],
  ],
];

interface Case {
  readonly attempt: Attempt;
  readonly functionName: string;
  readonly returnValue: number;
  readonly action: 'return' | 'after return';
}

const RETURN_VALUES = [...Object.values(RETURN_VALUE).filter((each) => each !== RETURN_VALUE.CKR_OK), VENDORS_OWN];
const ALL: readonly Case[] = USES.flatMap(([attempt, functions]) =>
  functions.flatMap((functionName) =>
    RETURN_VALUES.flatMap((returnValue) =>
      (['return', 'after return'] as const).map((action) => ({ attempt, functionName, returnValue, action })),
    ),
  ),
);

/** What an operator does who has looked at the device: PINs that were refused are forgotten, everything is tried anew. */
async function operatorActs(): Promise<void> {
  await rm(join(token.directory, 'state', 'refused_pins'), { force: true });
  opened.pool.resume();
}

/** By itself where it can, and by the operator's doing where the device said that it wants one. */
async function serves(): Promise<void> {
  const until = performance.now() + RECOVERY_MS;
  for (;;) {
    const isRight = await verify().catch((error: unknown) => {
      if (performance.now() > until) throw error;
      return false;
    });
    if (isRight && opened.pool.status().state === 'ready') return;
    if (performance.now() > until) throw new Error(`The pool is ${JSON.stringify(opened.pool.status())}`);
    await operatorActs();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

campaign('return_values', async (t, run) => {
  const cases = run.random.shuffled(ALL).slice(0, run.count);
  const outcomes = new Map<string, number>();
  let slowestMs = 0;
  for (const { attempt, functionName, returnValue, action } of cases) {
    const what = `${functionName} ${action} 0x${returnValue.toString(16)} in ${attempt.name}`;
    await rules.set(`${functionName} 1 ${action} ${returnValue} once`);
    let outcome: string;
    try {
      outcome = (await attempt()) ? 'right' : 'wrong';
    } catch (error) {
      if (!(error instanceof StrongroomError)) throw new Error(`${what}: ${String(error)}`, { cause: error });
      outcome = error.code;
    }
    await rules.clear();
    const isHonest = outcome === 'right' || (outcome in ERROR_CATALOGUE && outcome !== 'KeyNotFound');
    // A verification that was answered with "not valid" is believed: no policy asks twice.
    const isBelieved = outcome === 'wrong' && /^C_Verify/.test(functionName);
    if (!isHonest && !isBelieved) run.fail(`${what}: ${outcome}`);
    const started = performance.now();
    await serves().catch((error: unknown) => run.fail(`${what}: ${String(error)}`));
    slowestMs = Math.max(slowestMs, performance.now() - started);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    run.done += 1;
  }
  run.measure('the next request at the latest after, ms', slowestMs);
  t.log([...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', '));
  const keys = (await findObjects(opened.pool, { CKA_TOKEN: true })).length;
  t.is(keys, 6, 'nothing but the pool keys is in the token');
});
