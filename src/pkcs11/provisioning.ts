import { spawn } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { PoolKeyName } from './pool_key_template.ts';
import { cryptokiFailure } from './return_value.ts';
import { syncSoftHsmTokens } from './softhsm_configuration.ts';
import { vendorEnvironment } from './vendor_environment.ts';

/*
 * Setting up a token goes through graphene-pk11 in a child process that lives for this one request: vendor code never enters the
 * server's process, and two users of one library in one process would share its state.
 */

export interface TokenModule {
  /** Path of the PKCS#11 module. */
  readonly module: string;
  /** Variables for the vendor library (SOFTHSM2_CONF and the like), beside the few that it inherits. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

export interface ProvisioningRequest extends TokenModule {
  /** CK_TOKEN_INFO.label, at most 32 bytes in UTF-8. */
  readonly label: string;
  /** Only for a token that has to be initialised yet. */
  readonly soPin?: Uint8Array | undefined;
  readonly userPin: Uint8Array;
  /** Where a SoftHSM keeps its tokens: what was made is brought to disk, which SoftHSM leaves undone. */
  readonly softHsmTokenDirectory?: string | undefined;
}

export interface InspectedToken {
  readonly label: string;
  readonly serial: string;
  readonly model: string;
  readonly manufacturer: string;
  /** Names of the flags that are set: `CKF_TOKEN_INITIALIZED` … */
  readonly flags: readonly string[];
  readonly mechanisms: readonly InspectedMechanism[];
}

export interface InspectedMechanism {
  /** CKM_… */
  readonly type: number;
  /** CKF_… (MECHANISM_FLAG). */
  readonly flags: number;
  /** In bits or in bytes, as the token likes. */
  readonly minimumKeySize: number;
  readonly maximumKeySize: number;
}

export interface ProvisionedToken extends InspectedToken {
  /** True when the token was made just now. */
  readonly initialised: boolean;
  /** The pool keys that were missing and are there now. */
  readonly createdPoolKeys: readonly PoolKeyName[];
}

/** What the child reads from its standard input … */
export type ProvisioningCommand =
  | { readonly action: 'inspect'; readonly module: string }
  | {
      readonly action: 'provision';
      readonly module: string;
      readonly label: string;
      readonly soPin: string | undefined;
      readonly userPin: string;
    };

/** … and what it writes to its standard output. `detail` is for the log, as is what Cryptoki said. */
export type ProvisioningReply =
  | { readonly ok: true; readonly result: ProvisionedToken | readonly InspectedToken[] }
  | {
      readonly ok: false;
      readonly message: string;
      readonly detail?: string | undefined;
      readonly functionName?: string | undefined;
      readonly returnValue?: number | undefined;
    };

/**
 * Makes sure of a token with this label, its user PIN, and the pool keys in it; what is there already stays as it is. It logs in
 * once: whoever keeps account of refused PINs asks before and takes note of a `cause` that is a CryptokiFailure. One at a time per device.
 * @throws StrongroomError `ServiceUnavailable` with innerCode `ProvisioningFailed`.
 */
export async function startProvisioning(request: ProvisioningRequest): Promise<ProvisionedToken> {
  const { module, label, soPin, userPin } = request;
  const command: ProvisioningCommand = {
    action: 'provision',
    module,
    label,
    soPin: soPin === undefined ? undefined : pinText(soPin),
    userPin: pinText(userPin),
  };
  const token = (await runChild(command, request.environment)) as ProvisionedToken;
  if (request.softHsmTokenDirectory !== undefined) await syncSoftHsmTokens(request.softHsmTokenDirectory);
  return token;
}

/**
 * The tokens of a module, those that wait to be initialised among them. Needs no PIN.
 * @throws StrongroomError `ServiceUnavailable` with innerCode `ProvisioningFailed`.
 */
export async function inspectTokens(request: TokenModule): Promise<readonly InspectedToken[]> {
  return (await runChild(
    { action: 'inspect', module: request.module },
    request.environment,
  )) as readonly InspectedToken[];
}

/** A PIN is CK_UTF8CHAR. Other bytes would arrive as a wrong PIN, and cost a try. */
function pinText(pin: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(pin);
  } catch {
    throw failed('A PIN has bytes that are not UTF-8.', undefined);
  }
}

const LONGEST_REPLY_BYTES = 1024 * 1024;

/** The entry of the child lies beside this file, as TypeScript in the source tree and as JavaScript in the package. */
const CHILD_PATH = fileURLToPath(new URL(`provision_token${extname(import.meta.url)}`, import.meta.url));

async function runChild(
  command: ProvisioningCommand,
  environment: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const child = spawn(process.execPath, [CHILD_PATH], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: vendorEnvironment(environment),
    cwd: '/',
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMITS.keyGenerationTimeoutMs);
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve(signal === null ? `exited with code ${code}` : `was ended by ${signal}`),
    );
  });
  // A child that dies before it has read its command says so by its exit.
  child.stdin.on('error', () => undefined);
  const bytes = Buffer.from(JSON.stringify(command), 'utf8');
  child.stdin.end(bytes, () => bytes.fill(0));
  const chunks: Buffer[] = [];
  let received = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received <= LONGEST_REPLY_BYTES) chunks.push(chunk);
    else child.kill('SIGKILL');
  });
  try {
    const exit = await ended;
    return resultOf(Buffer.concat(chunks).toString('utf8'), exit);
  } catch (error) {
    throw error instanceof StrongroomError
      ? error
      : failed('The child process for setting up tokens did not start.', error);
  } finally {
    clearTimeout(timer);
    bytes.fill(0);
  }
}

/** The reply counts and not the exit: vendor libraries are known to crash in their exit handlers, when all is done. */
function resultOf(output: string, exit: string): unknown {
  let reply: ProvisioningReply;
  try {
    reply = JSON.parse(output) as ProvisioningReply;
  } catch (cause) {
    throw failed(`The child process for setting up tokens ${exit} without a reply.`, cause);
  }
  if (reply.ok) return reply.result;
  throw failed(reply.message, causeOf(reply));
}

function causeOf({ detail, functionName, returnValue }: Extract<ProvisioningReply, { ok: false }>): unknown {
  if (functionName !== undefined && returnValue !== undefined) return cryptokiFailure(functionName, returnValue);
  return detail === undefined ? undefined : new Error(detail);
}

function failed(message: string, cause: unknown): StrongroomError {
  return new StrongroomError('ServiceUnavailable', message, { innerCode: 'ProvisioningFailed', cause });
}
