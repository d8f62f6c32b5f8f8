import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseHeads } from '../audit/heads_file.ts';
import type { SignedHead } from '../audit/tree_head.ts';
import { type AuditVerdict, verifyAuditLog } from '../audit/verify_audit_log.ts';
import { ConfigurationError } from '../config/configuration_error.ts';

export interface AuditVerifyOptions {
  readonly key?: string | undefined;
  readonly heads?: string | undefined;
  readonly from?: string | undefined;
}

/** Says of an audit log how far it holds, or with which line it does not; 1 then. */
export async function verifyAudit(options: AuditVerifyOptions, directory: string): Promise<number> {
  const key = options.key === undefined ? undefined : await readKey(options.key);
  const heads = options.heads === undefined ? undefined : await readHeads(options.heads);
  const from = options.from === undefined ? undefined : readNumber(options.from);
  const verdict = await verifyAuditLog(directory, { key, heads, from }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error;
    throw wrong('DIR', `${directory} cannot be read (${error.code}).`);
  });
  if (verdict.problem === undefined) {
    for (const line of good(verdict, key !== undefined)) console.log(line);
    return 0;
  }
  const { sequence, text, file, line } = verdict.problem;
  const place = file === undefined ? '' : ` (seen at ${file}:${line})`;
  console.log(`FAIL  line ${sequence}: ${text}${place}.`);
  console.log(
    verdict.last === 0
      ? 'Nothing of the log holds.'
      : `It was followed from line ${verdict.first} to line ${verdict.last}.`,
  );
  if (verdict.lastHead !== undefined) {
    const { treeSize, time } = verdict.lastHead;
    console.log(`The last head that holds was signed over ${treeSize} lines at ${time}.`);
  }
  console.log('The audit log does not hold.');
  return 1;
}

function good(verdict: AuditVerdict, isGivenKey: boolean): string[] {
  const { chain, first, last, events, lastHead, unsigned, tornBytes } = verdict;
  const lines = [
    `ok    ${events} records in lines ${first} to ${last} of log ${chain}: none was changed, taken out or put in.`,
    `ok    ${verdict.heads} signed heads; the last one covers ${lastHead?.treeSize} lines, at ${lastHead?.time}.`,
    `      root ${lastHead?.rootHash}`,
  ];
  const fingerprint = verdict.key === undefined ? '' : fingerprintOf(verdict.key);
  if (isGivenKey) lines.push(`ok    Signed by the key that was given (SHA-256 ${fingerprint}).`);
  else
    lines.push(
      `hmm   Signed by the key that the log itself names (SHA-256 ${fingerprint}): compare it, or give the right one with --key.`,
    );
  if (unsigned > 1) lines.push(`hmm   The last ${unsigned} lines are not covered by a signed head yet.`);
  if (tornBytes > 0) lines.push(`hmm   Behind them are ${tornBytes} bytes of a line that is not finished.`);
  if (verdict.confirmed > 0) lines.push(`ok    Heads that were kept elsewhere agree: ${verdict.confirmed}.`);
  else
    lines.push(
      'hmm   Whether the end was cut off shows only against a head that was kept elsewhere: give it with --heads.',
    );
  lines.push('The audit log holds.');
  return lines;
}

function fingerprintOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex');
}

async function readKey(path: string): Promise<KeyObject> {
  const pem = await read('--key', path);
  try {
    return createPublicKey(pem);
  } catch {
    throw wrong('--key', `${path} is no public key in PEM.`);
  }
}

async function readHeads(path: string): Promise<readonly SignedHead[]> {
  const heads = parseHeads(await read('--heads', path));
  if (heads === undefined || heads.length === 0) throw wrong('--heads', `${path} is no list of signed heads.`);
  return heads;
}

function readNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw wrong('--from', `Expected the number of a line, received ${JSON.stringify(text)}.`);
}

async function read(option: string, path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw wrong(option, `${path} cannot be read (${error.code}).`);
  });
}

function wrong(path: string, message: string): ConfigurationError {
  return new ConfigurationError([{ path, message }]);
}
