import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import pkcs11js, { type PKCS11 } from 'pkcs11js';
import { StrongroomError } from '../../src/model/errors.ts';
import { MECHANISM, MECHANISM_FLAG } from '../../src/pkcs11/mechanism.ts';
import { POOL_KEY_LABEL } from '../../src/pkcs11/pool_key_template.ts';
import { inspectTokens, startProvisioning } from '../../src/pkcs11/provisioning.ts';
import { pkcs11jsTemplate } from '../../src/pkcs11/provisioning_template.ts';
import { CryptokiFailure, RETURN_VALUE } from '../../src/pkcs11/return_value.ts';
import { encodeTemplate, KEY_TYPE, OBJECT_CLASS, type Template } from '../../src/pkcs11/template.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';
import { SOFTHSM_MODULE, SoftHsmToken, softHsmDirectory, withToken } from './softhsm_token.ts';

const REFUSED = { instanceOf: StrongroomError, code: 'ServiceUnavailable' } as const;

function find(lib: PKCS11, session: Buffer, template: Template): Buffer[] {
  lib.C_FindObjectsInit(session, pkcs11jsTemplate(encodeTemplate(template)));
  const found = lib.C_FindObjects(session, 10);
  lib.C_FindObjectsFinal(session);
  return found;
}

const label = (name: keyof typeof POOL_KEY_LABEL): Buffer => Buffer.from(POOL_KEY_LABEL[name]);

test('a token is made once, and found again with its keys as they were', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    const made = await startProvisioning(request);
    t.true(made.initialised);
    t.deepEqual(made.createdPoolKeys, ['kek', 'seal', 'audit', 'attestation']);
    t.is(made.label, 'test token');
    t.regex(made.serial, /^[0-9a-f]{16}$/);
    t.regex(made.model, /^SoftHSM/);
    t.true(made.flags.includes('CKF_USER_PIN_INITIALIZED') && made.flags.includes('CKF_TOKEN_INITIALIZED'));
    const keyWrap = made.mechanisms.find(({ type }) => type === MECHANISM.CKM_AES_KEY_WRAP_PAD);
    t.not((keyWrap?.flags ?? 0) & MECHANISM_FLAG.CKF_WRAP, 0);

    const again = await startProvisioning({ ...request, soPin: undefined });
    t.false(again.initialised);
    t.deepEqual(again.createdPoolKeys, []);
    t.is(again.serial, made.serial);

    const tokens = await inspectTokens(request);
    t.deepEqual(tokens.map(({ serial }) => serial).sort(), ['', made.serial]);
  } finally {
    await remove();
  }
});

test('a token that is being written is looked at again, and one that stays ill is told of', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    const made = await startProvisioning(request);
    const rules = new FaultRules(dirname(request.environment?.SOFTHSM2_CONF ?? ''));
    const environment = { ...request.environment, ...rules.environment };
    const faulty = { module: FAULT_MODULE, environment };
    await rules.set('C_GetTokenInfo 1 return 5 once');
    const tokens = await inspectTokens(faulty);
    t.true(tokens.some(({ serial }) => serial === made.serial));
    await rules.set('C_GetTokenInfo * return 5');
    const error = await t.throwsAsync(inspectTokens(faulty), REFUSED);
    t.is(error.innerCode, 'ProvisioningFailed');
    t.true(error.cause instanceof CryptokiFailure && error.cause.returnValue === RETURN_VALUE.CKR_GENERAL_ERROR);
  } finally {
    await remove();
  }
});

test('pool keys can do what they are for and nothing else', async (t) => {
  const token = await SoftHsmToken.open();
  try {
    const uses = [
      pkcs11js.CKA_WRAP,
      pkcs11js.CKA_UNWRAP,
      pkcs11js.CKA_ENCRYPT,
      pkcs11js.CKA_DECRYPT,
      pkcs11js.CKA_SIGN,
      pkcs11js.CKA_VERIFY,
      pkcs11js.CKA_DERIVE,
      pkcs11js.CKA_SENSITIVE,
      pkcs11js.CKA_TOKEN,
      pkcs11js.CKA_PRIVATE,
    ];
    const flagsOf = (template: Template, types: readonly number[]): boolean[] => {
      const [key, ...more] = token.find(encodeTemplate(template));
      t.deepEqual(more, []);
      return key === undefined ? [] : token.attributes(key, types).map((value) => value[0] === 1);
    };
    const secret = { CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY };
    t.deepEqual(flagsOf({ ...secret, CKA_ID: label('kek') }, uses), [
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      true,
      true,
      true,
    ]);
    t.deepEqual(flagsOf({ ...secret, CKA_ID: label('seal') }, uses), [
      false,
      false,
      false,
      false,
      true,
      true,
      false,
      true,
      true,
      true,
    ]);
    const privateUses = [
      pkcs11js.CKA_SIGN,
      pkcs11js.CKA_DECRYPT,
      pkcs11js.CKA_UNWRAP,
      pkcs11js.CKA_DERIVE,
      pkcs11js.CKA_SENSITIVE,
    ];
    for (const name of ['audit', 'attestation'] as const) {
      const signing = { CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY, CKA_ID: label(name) };
      t.deepEqual(flagsOf(signing, privateUses), [true, false, false, false, true], name);
    }
  } finally {
    await token.close();
  }
});

test('a refused PIN is told by function and return value, and leaves the token as it was', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    const made = await startProvisioning(request);
    const error = await t.throwsAsync(startProvisioning({ ...request, userPin: Buffer.from('not the PIN') }), REFUSED);
    const cause = error?.cause;
    if (!(cause instanceof CryptokiFailure)) return t.fail('The cause is not a CryptokiFailure.');
    t.deepEqual([cause.functionName, cause.returnValue], ['C_Login', RETURN_VALUE.CKR_PIN_INCORRECT]);
    t.false(error?.message.includes('CKR'));
    t.is((await startProvisioning(request)).serial, made.serial);
  } finally {
    await remove();
  }
  return undefined;
});

test('nothing is initialised without an SO PIN, with a label too long, or with a PIN that no token takes', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    await t.throwsAsync(startProvisioning({ ...request, soPin: undefined }), { ...REFUSED, message: /SO PIN/ });
    await t.throwsAsync(startProvisioning({ ...request, label: 'é'.repeat(17) }), { ...REFUSED, message: /32 bytes/ });
    await t.throwsAsync(startProvisioning({ ...request, label: '' }), { ...REFUSED, message: /32 bytes/ });
    await t.throwsAsync(startProvisioning({ ...request, userPin: Buffer.from('123') }), {
      ...REFUSED,
      message: /user PIN/,
    });
    await t.throwsAsync(startProvisioning({ ...request, userPin: Buffer.alloc(8, 0xff) }), {
      ...REFUSED,
      message: /UTF-8/,
    });
    const tokens = await inspectTokens(request);
    t.deepEqual(
      tokens.map(({ serial }) => serial),
      [''],
    );
  } finally {
    await remove();
  }
});

test('a label of the full 32 bytes comes back whole', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    const full = 'ä'.repeat(16);
    t.is((await startProvisioning({ ...request, label: full })).label, full);
  } finally {
    await remove();
  }
});

test('a module that cannot be loaded is refused without its path in the message', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    const error = await t.throwsAsync(startProvisioning({ ...request, module: '/no/such/module.so' }), REFUSED);
    t.false(error?.message.includes('/no/such'));
    t.regex(String(error?.cause), /no\/such\/module/);
    await t.throwsAsync(inspectTokens({ module: '/no/such/module.so' }), REFUSED);
  } finally {
    await remove();
  }
});

test('two tokens of one label are refused, never the first of them taken', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    await startProvisioning(request);
    process.env.SOFTHSM2_CONF = request.environment?.SOFTHSM2_CONF;
    const lib = new pkcs11js.PKCS11();
    lib.load(SOFTHSM_MODULE);
    lib.C_Initialize();
    const free = lib
      .C_GetSlotList(true)
      .find((slot) => (lib.C_GetTokenInfo(slot).flags & pkcs11js.CKF_TOKEN_INITIALIZED) === 0);
    if (free === undefined) return t.fail();
    lib.C_InitToken(free, 'so-pin-of-tests', request.label.padEnd(32));
    lib.C_Finalize();
    await t.throwsAsync(startProvisioning(request), { ...REFUSED, message: /2 tokens/ });
  } finally {
    await remove();
  }
  return undefined;
});

test('a KEK that lost its value is noticed before anything is wrapped under it', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    await startProvisioning(request);
    withToken(request, (lib, session) => {
      const [kek] = find(lib, session, { CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY, CKA_LABEL: label('kek') });
      if (kek === undefined) throw new Error('No KEK.');
      lib.C_DestroyObject(session, kek);
      const hollow = encodeTemplate({
        CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
        CKA_KEY_TYPE: KEY_TYPE.CKK_AES,
        CKA_TOKEN: true,
        CKA_PRIVATE: true,
        CKA_LABEL: label('kek'),
        CKA_ID: label('kek'),
        CKA_WRAP: true,
        CKA_UNWRAP: true,
        CKA_VALUE: Buffer.alloc(0),
      });
      lib.C_CreateObject(session, pkcs11jsTemplate(hollow));
    });
    await t.throwsAsync(startProvisioning(request), { ...REFUSED, message: /strongroom-kek .* does not work/ });
  } finally {
    await remove();
  }
});

test('a second seal key under the same label is refused', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    await startProvisioning(request);
    withToken(request, (lib, session) => {
      const [seal] = find(lib, session, { CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY, CKA_LABEL: label('seal') });
      if (seal === undefined) throw new Error('No seal key.');
      lib.C_CopyObject(session, seal, pkcs11jsTemplate(encodeTemplate({ CKA_TOKEN: true })));
    });
    await t.throwsAsync(startProvisioning(request), { ...REFUSED, message: /more than one object strongroom-seal/ });
  } finally {
    await remove();
  }
});

test('a token of before there were attestation keys gets one, and keeps what it has', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    await startProvisioning(request);
    const named = { CKA_LABEL: label('attestation') };
    withToken(request, (lib, session) => {
      const halves = find(lib, session, named);
      t.is(halves.length, 2);
      for (const half of halves) lib.C_DestroyObject(session, half);
    });
    t.deepEqual((await startProvisioning(request)).createdPoolKeys, ['attestation']);
    withToken(request, (lib, session) => {
      t.is(find(lib, session, named).length, 2);
    });
  } finally {
    await remove();
  }
});

test('an audit key that was cut off between its halves is made anew, and the orphan is kept under another name', async (t) => {
  const { request, remove } = await softHsmDirectory();
  try {
    await startProvisioning(request);
    withToken(request, (lib, session) => {
      const [half] = find(lib, session, { CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY, CKA_LABEL: label('audit') });
      if (half === undefined) throw new Error('No audit key.');
      lib.C_DestroyObject(session, half);
    });
    t.deepEqual((await startProvisioning(request)).createdPoolKeys, ['audit']);
    withToken(request, (lib, session) => {
      const isPublic = { CKA_CLASS: OBJECT_CLASS.CKO_PUBLIC_KEY };
      t.is(find(lib, session, { ...isPublic, CKA_LABEL: label('audit') }).length, 1);
      // That of the attestation key is the third.
      t.is(find(lib, session, isPublic).length, 3);
    });
  } finally {
    await remove();
  }
});

test.serial('the child starts with what Node.js has compiled before, where this process does', async (t) => {
  const { NODE_COMPILE_CACHE } = process.env;
  const directory = await mkdtemp(join(tmpdir(), 'strongroom-compiled-'));
  t.teardown(async () => {
    if (NODE_COMPILE_CACHE === undefined) delete process.env.NODE_COMPILE_CACHE;
    else process.env.NODE_COMPILE_CACHE = NODE_COMPILE_CACHE;
    await rm(directory, { recursive: true });
  });
  process.env.NODE_COMPILE_CACHE = directory;
  const { request, remove } = await softHsmDirectory();
  t.teardown(remove);
  await startProvisioning(request);
  t.not((await readdir(directory)).length, 0);
});
