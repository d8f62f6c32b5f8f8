import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '../config/configuration_error.ts';
import { checkAttestation } from './checks/check_attestation.ts';

export interface BundleOptions {
  readonly bundle: string;
  readonly root?: string | undefined;
}

const MARKS = { good: 'ok  ', doubtful: 'hmm ', bad: 'FAIL' } as const;

/** Says what of a key's attestation holds and what does not; 1 when something does not. */
export async function verifyAttestation({ bundle, root }: BundleOptions): Promise<number> {
  const findings = await checkAttestation(
    await read('--bundle', bundle),
    root === undefined ? undefined : await read('--root', root),
  );
  for (const { subject, verdict, text } of findings) console.log(`${MARKS[verdict]}  ${subject.padEnd(11)} ${text}`);
  const failed = findings.some(({ verdict }) => verdict === 'bad');
  console.log(failed ? 'The attestation does not hold.' : 'The attestation holds.');
  return failed ? 1 : 0;
}

async function read(option: string, path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigurationError([{ path: option, message: `${path} cannot be read (${error.code}).` }]);
  });
}
