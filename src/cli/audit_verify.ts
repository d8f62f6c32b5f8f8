import { createHash, type KeyObject } from 'node:crypto';
import { type AuditVerdict, verifyAuditLog } from '../audit/verify_audit_log.ts';
import { type HeadOptions, readCount, readHeadOptions, readKeyOption } from './audit_option.ts';
import { type AuditSourceOptions, withAuditSource } from './audit_source.ts';

export interface AuditVerifyOptions extends AuditSourceOptions, HeadOptions {
  readonly key?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Says of an audit log how far it holds, or with which line it does not; 1 then. */
export async function verifyAudit(options: AuditVerifyOptions, directory?: string): Promise<number> {
  const key = options.key === undefined ? undefined : await readKeyOption(options.key);
  const heads = await readHeadOptions(options);
  const from = readCount('--from', options.from);
  const to = readCount('--to', options.to);
  return withAuditSource(options, directory, async (source) =>
    report(await verifyAuditLog(source, { key, heads, from, to }), key !== undefined),
  );
}

function report(verdict: AuditVerdict, isGivenKey: boolean): number {
  if (verdict.problem === undefined) {
    for (const line of good(verdict, isGivenKey)) console.log(line);
    return 0;
  }
  const { sequence, text, part, line } = verdict.problem;
  const place = part === undefined ? '' : ` (seen at ${part}:${line})`;
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
      'hmm   Whether the end was cut off shows only against a head that was kept elsewhere: give it with --heads or --head.',
    );
  lines.push('The audit log holds.');
  return lines;
}

function fingerprintOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex');
}
