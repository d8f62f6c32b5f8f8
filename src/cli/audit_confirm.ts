import { provesInclusion, readProof } from '../audit/inclusion_proof.ts';
import { readKeyOption, readOptionFile, wrongOption } from './audit_option.ts';

export interface AuditConfirmOptions {
  readonly key: string;
}

/** Says whether a proof of `audit prove` holds by a key; 1 when it does not. */
export async function confirmAudit(options: AuditConfirmOptions, path: string): Promise<number> {
  const key = await readKeyOption(options.key);
  const proof = readProof(await readOptionFile('PROOF', path));
  if (proof === undefined) throw wrongOption('PROOF', `${path} is no proof.`);
  if (!provesInclusion(proof, key)) {
    console.log(
      'FAIL  The line is not among those that the head was signed over, or the head is signed by another key.',
    );
    return 1;
  }
  console.log(
    `ok    The line is among the ${proof.head.treeSize} lines that a head was signed over at ${proof.head.time}.`,
  );
  console.log(proof.line);
  return 0;
}
