import { proveInclusion } from '../audit/inclusion_proof.ts';
import { type HeadOptions, readCount, readHeadOptions, wrongOption } from './audit_option.ts';
import { type AuditSourceOptions, withAuditSource } from './audit_source.ts';

export interface AuditProveOptions extends AuditSourceOptions, HeadOptions {
  readonly line: string;
}

/** Prints a proof that a line is among those that a head was signed over, to be given away without the rest of the log; 1 when there is none. */
export async function proveAudit(options: AuditProveOptions, directory?: string): Promise<number> {
  const sequence = readCount('--line', options.line);
  if (sequence === undefined) throw wrongOption('--line', 'Expected the number of a line.');
  const [head] = await readHeadOptions(options);
  return withAuditSource(options, directory, async (source) => {
    const proof = await proveInclusion(source, sequence, head);
    if (proof === undefined) {
      console.error(`Nothing proves line ${sequence}: the log has no such line, is not whole, or no head fits it.`);
      return 1;
    }
    console.log(JSON.stringify(proof));
    return 0;
  });
}
