import { spawn } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { ProvisioningCommand, ProvisioningReply } from './provisioning_command.ts';
import { cryptokiFailure } from './return_value.ts';
import { vendorEnvironment } from './vendor_environment.ts';

/** A PIN is CK_UTF8CHAR. Other bytes would arrive as a wrong PIN, and cost a try. */
export function pinText(pin: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(pin);
  } catch {
    throw failed('A PIN has bytes that are not UTF-8.', undefined);
  }
}

const LONGEST_REPLY_BYTES = 1024 * 1024;

/** The entry of the child lies beside this file, as TypeScript in the source tree and as JavaScript in the package. */
const CHILD_PATH = fileURLToPath(new URL(`provision_token${extname(import.meta.url)}`, import.meta.url));

/** Where Node.js keeps what it has compiled, if this process has such a place: to compile its files takes the child longer than what it does. */
function quickStart(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
}

/**
 * Runs the one command in a process of its own, and answers what that has to say.
 * @throws StrongroomError `ServiceUnavailable` with innerCode `ProvisioningFailed`.
 */
export async function runProvisioning(
  command: ProvisioningCommand,
  environment: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const child = spawn(process.execPath, [CHILD_PATH], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...vendorEnvironment(environment), ...quickStart() },
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
