import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pkcs11js, { type Handle, type Mechanism, type PKCS11 } from 'pkcs11js';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { type ProvisionedToken, type ProvisioningRequest, startProvisioning } from '../../src/pkcs11/provisioning.ts';
import { pkcs11jsTemplate } from '../../src/pkcs11/provisioning_template.ts';
import { writeSoftHsmConfiguration } from '../../src/pkcs11/softhsm_configuration.ts';

export const SOFTHSM_MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const LONGEST_ANSWER_BYTES = 8192;

/** A place for tokens of this test file alone. */
export async function softHsmDirectory(): Promise<{ request: ProvisioningRequest; remove(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'strongroom-pkcs11-'));
  const path = join(directory, 'softhsm2.conf');
  const tokenDirectory = join(directory, 'tokens');
  await writeSoftHsmConfiguration({ path, tokenDirectory });
  return {
    request: {
      module: SOFTHSM_MODULE,
      environment: { SOFTHSM2_CONF: path },
      label: 'test token',
      soPin: Buffer.from('so-pin-of-tests'),
      userPin: Buffer.from('user-pin-of-tests'),
      softHsmTokenDirectory: tokenDirectory,
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Does something to the token by hand, as the user, and leaves the library again. */
export function withToken<Result>(request: ProvisioningRequest, use: (lib: PKCS11, session: Handle) => Result): Result {
  process.env.SOFTHSM2_CONF = request.environment?.SOFTHSM2_CONF;
  const lib = new pkcs11js.PKCS11();
  lib.load(SOFTHSM_MODULE);
  lib.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
  try {
    const slot = lib.C_GetSlotList(true).find((one) => lib.C_GetTokenInfo(one).label.trim() === request.label);
    if (slot === undefined) throw new Error('No such token.');
    const session = lib.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
    lib.C_Login(session, pkcs11js.CKU_USER, Buffer.from(request.userPin).toString());
    return use(lib, session);
  } finally {
    lib.C_Finalize();
  }
}

/** A provisioned SoftHSM token, logged in, as a second opinion sees it: through pkcs11js, without any code of the native core. */
export class SoftHsmToken {
  readonly lib: PKCS11;
  readonly session: Handle;
  readonly provisioned: ProvisionedToken;
  readonly #slot: Handle;
  readonly #remove: () => Promise<void>;

  private constructor(
    lib: PKCS11,
    slot: Handle,
    session: Handle,
    provisioned: ProvisionedToken,
    remove: () => Promise<void>,
  ) {
    this.lib = lib;
    this.session = session;
    this.provisioned = provisioned;
    this.#slot = slot;
    this.#remove = remove;
  }

  static async open(): Promise<SoftHsmToken> {
    const { request, remove } = await softHsmDirectory();
    const provisioned = await startProvisioning(request);
    process.env.SOFTHSM2_CONF = request.environment?.SOFTHSM2_CONF;
    const lib = new pkcs11js.PKCS11();
    lib.load(SOFTHSM_MODULE);
    lib.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
    const slot = lib.C_GetSlotList(true).find((one) => lib.C_GetTokenInfo(one).label.trim() === request.label);
    if (slot === undefined) throw new Error('The provisioned token is in no slot.');
    const session = lib.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
    lib.C_Login(session, pkcs11js.CKU_USER, Buffer.from(request.userPin).toString());
    return new SoftHsmToken(lib, slot, session, provisioned, remove);
  }

  async close(): Promise<void> {
    this.lib.C_Finalize();
    await this.#remove();
  }

  generateKey(mechanism: number, template: Uint8Array): Handle {
    return this.lib.C_GenerateKey(this.session, { mechanism }, pkcs11jsTemplate(template));
  }

  generateKeyPair(mechanism: number, templates: { publicTemplate: Uint8Array; privateTemplate: Uint8Array }) {
    const { publicTemplate, privateTemplate } = templates;
    return this.lib.C_GenerateKeyPair(
      this.session,
      { mechanism },
      pkcs11jsTemplate(publicTemplate),
      pkcs11jsTemplate(privateTemplate),
    );
  }

  create(template: Uint8Array): Handle {
    return this.lib.C_CreateObject(this.session, pkcs11jsTemplate(template));
  }

  wrap(kek: Handle, key: Handle): Buffer {
    const mechanism = { mechanism: MECHANISM.CKM_AES_KEY_WRAP_PAD };
    return this.lib.C_WrapKey(this.session, mechanism, kek, key, Buffer.alloc(LONGEST_ANSWER_BYTES));
  }

  unwrap(kek: Handle, wrapped: Uint8Array, template: Uint8Array): Handle {
    const mechanism = { mechanism: MECHANISM.CKM_AES_KEY_WRAP_PAD };
    return this.lib.C_UnwrapKey(this.session, mechanism, kek, Buffer.from(wrapped), pkcs11jsTemplate(template));
  }

  find(template: Uint8Array): Handle[] {
    this.lib.C_FindObjectsInit(this.session, pkcs11jsTemplate(template));
    const found = this.lib.C_FindObjects(this.session, 10);
    this.lib.C_FindObjectsFinal(this.session);
    return found;
  }

  attributes(object: Handle, types: readonly number[]): Buffer[] {
    const template = types.map((type) => ({ type }));
    return this.lib.C_GetAttributeValue(this.session, object, template).map(({ value }) => value);
  }

  sign(mechanism: Mechanism, key: Handle, input: Uint8Array): Buffer {
    return this.#apart((session) => {
      this.lib.C_SignInit(session, mechanism, key);
      return this.lib.C_Sign(session, Buffer.from(input), Buffer.alloc(LONGEST_ANSWER_BYTES));
    });
  }

  verify(mechanism: Mechanism, key: Handle, input: Uint8Array, signature: Uint8Array): boolean {
    return this.#apart((session) => {
      this.lib.C_VerifyInit(session, mechanism, key);
      return this.lib.C_Verify(session, Buffer.from(input), Buffer.from(signature));
    });
  }

  encrypt(mechanism: Mechanism, key: Handle, input: Uint8Array): Buffer {
    return this.#apart((session) => {
      this.lib.C_EncryptInit(session, mechanism, key);
      return this.lib.C_Encrypt(session, Buffer.from(input), Buffer.alloc(LONGEST_ANSWER_BYTES));
    });
  }

  decrypt(mechanism: Mechanism, key: Handle, input: Uint8Array): Buffer {
    return this.#apart((session) => {
      this.lib.C_DecryptInit(session, mechanism, key);
      return this.lib.C_Decrypt(session, Buffer.from(input), Buffer.alloc(LONGEST_ANSWER_BYTES));
    });
  }

  /** In a session of its own: SoftHSM leaves an operation active when it finds the arguments bad. */
  #apart<Result>(use: (session: Handle) => Result): Result {
    const session = this.lib.C_OpenSession(this.#slot, pkcs11js.CKF_SERIAL_SESSION);
    try {
      return use(session);
    } finally {
      this.lib.C_CloseSession(session);
    }
  }
}

/** The CKR_… that a call through pkcs11js ended in; undefined when it ended well. */
export function returnValueOf(call: () => unknown): number | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof pkcs11js.Pkcs11Error) return error.code;
    throw error;
  }
}
