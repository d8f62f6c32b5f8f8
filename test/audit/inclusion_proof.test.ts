import test, { type ExecutionContext } from 'ava';
import { type InclusionProof, proveInclusion, provesInclusion, readProof } from '../../src/audit/inclusion_proof.ts';
import { logInDirectory } from '../../src/audit/log_files.ts';
import type { SignedHead } from '../../src/audit/tree_head.ts';
import { anEvent, linesOf, newSigner, openLog, testDirectory } from './test_log.ts';

const signer = newSigner();
const key = signer.publicKey;

async function aLog(t: ExecutionContext): Promise<{ directory: string; heads: readonly SignedHead[] }> {
  const directory = testDirectory(t);
  const heads: SignedHead[] = [];
  const headCopies = [{ keep: async (head: SignedHead) => void heads.push(head) }];
  const log = await openLog(directory, signer, { headEvery: { records: 7, ms: 60_000 }, headCopies, fileBytes: 9_000 });
  for (let i = 0; i < 30; i++) await log.record(anEvent({ requestId: `r${i}` }));
  await log.close();
  return { directory, heads };
}

test('every line under a head can be proved by it, and no other one', async (t) => {
  const { directory, heads } = await aLog(t);
  const lines = linesOf(directory);
  t.true(heads.length > 3);
  for (const head of heads) {
    for (const { sequence } of lines) {
      const proof = await proveInclusion(logInDirectory(directory), sequence, head);
      t.is(proof !== undefined, sequence <= head.treeSize, `${sequence} of ${head.treeSize}`);
      if (proof === undefined) continue;
      t.true(provesInclusion(proof, key));
      t.is(JSON.parse(proof.line).sequence, sequence);
    }
  }
});

test('without a head the first one of the log that covers the line is taken', async (t) => {
  const { directory, heads } = await aLog(t);
  const proof = await proveInclusion(logInDirectory(directory), 3, undefined);
  t.deepEqual(proof?.head, heads[0]);
  t.is(await proveInclusion(logInDirectory(directory), 1_000, undefined), undefined);
});

test('a proof holds for its own line, head, path and key alone', async (t) => {
  const { directory, heads } = await aLog(t);
  const [, head] = heads;
  const proof = (await proveInclusion(logInDirectory(directory), 5, head)) as InclusionProof;
  const other = (await proveInclusion(logInDirectory(directory), 6, head)) as InclusionProof;
  t.deepEqual(readProof(JSON.stringify(proof)), proof);
  const bad: readonly InclusionProof[] = [
    { ...proof, line: proof.line.replace('"k1"', '"k2"') },
    { ...proof, line: other.line },
    { ...proof, path: other.path },
    { ...proof, path: proof.path.slice(1) },
    { ...proof, path: [...proof.path, proof.path[0] ?? ''] },
    { ...proof, head: heads[2] as SignedHead },
    { ...proof, head: { ...proof.head, treeSize: proof.head.treeSize + 1 } },
    { ...proof, line: '{}' },
  ];
  for (const each of bad) t.false(provesInclusion(each, key));
  t.false(provesInclusion(proof, newSigner().publicKey));
  for (const text of ['', '{}', 'null', '{"line":"","head":{},"path":[]}', JSON.stringify({ ...proof, path: [1] })]) {
    t.is(readProof(text), undefined, text);
  }
});

test('a log that was changed, or is another one than the head’s, proves nothing', async (t) => {
  const { directory } = await aLog(t);
  const { heads } = await aLog(t);
  t.is(await proveInclusion(logInDirectory(directory), 5, heads[0]), undefined);
});
