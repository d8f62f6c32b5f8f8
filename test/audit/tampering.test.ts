import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { HashChain } from '../../src/audit/hash_chain.ts';
import { logInDirectory } from '../../src/audit/log_files.ts';
import { MerkleTree } from '../../src/audit/merkle_tree.ts';
import { headMembers, type SignedHead, signHead } from '../../src/audit/tree_head.ts';
import { type AuditVerdict, type VerifyOptions, verifyAuditLog } from '../../src/audit/verify_audit_log.ts';
import { campaign } from '../campaigns/campaign.ts';
import { anEvent, logFiles, newSigner, openLog, testDirectory } from './test_log.ts';

const signer = newSigner();
const key = signer.publicKey;

/** A log of several files, as it was when each head was signed and at its end. */
interface Original {
  readonly files: ReadonlyMap<string, string>;
  readonly older: ReadonlyMap<string, string>;
  readonly heads: readonly SignedHead[];
}

async function makeLog(t: ExecutionContext, records = 20): Promise<Original> {
  const directory = testDirectory(t);
  const heads: SignedHead[] = [];
  const headCopies = [{ keep: async (head: SignedHead) => void heads.push(head) }];
  const options = { fileBytes: 9_000, headEvery: { records: 6, ms: 60_000 }, headCopies };
  let older = new Map<string, string>();
  for (const part of [1, 2]) {
    const log = await openLog(directory, signer, options);
    for (let i = 0; i < records / 2; i++) await log.record(anEvent({ requestId: `${part}-${i}` }));
    await log.close();
    if (part === 1) older = read(directory);
  }
  return { files: read(directory), older, heads };
}

/** Two files: an event at the end of the first one, a head at the end of the other. */
async function smallLog(t: ExecutionContext): Promise<{ directory: string; heads: readonly SignedHead[] }> {
  const directory = testDirectory(t);
  const heads: SignedHead[] = [];
  const headCopies = [{ keep: async (head: SignedHead) => void heads.push(head) }];
  const log = await openLog(directory, signer, { fileBytes: 1_000, headCopies });
  const left = { principal: undefined, requestUri: undefined, keyVersion: undefined, dataAction: undefined };
  await log.record(anEvent(left));
  await log.close();
  const kinds = logFiles(directory).map((path) => readFileSync(path, 'utf8').match(/"Audit\w+"/g));
  t.deepEqual(kinds, [
    ['"AuditChain"', '"AuditEvent"'],
    ['"AuditChain"', '"AuditHead"'],
  ]);
  t.is(heads.length, 1);
  return { directory, heads };
}

function read(directory: string): Map<string, string> {
  return new Map(logFiles(directory).map((path) => [basename(path), readFileSync(path, 'latin1')]));
}

/** What a log in these files is found to be. */
async function verdictOf(
  directory: string,
  files: ReadonlyMap<string, string>,
  options: VerifyOptions,
): Promise<AuditVerdict> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  for (const [name, text] of files) writeFileSync(join(directory, name), text, 'latin1');
  return verifyAuditLog(logInDirectory(directory), options);
}

/** All lines as one list, and the list as files again: what line is in what file stays as near as it can to what it was. */
function withLines(files: ReadonlyMap<string, string>, change: (lines: string[]) => void): Map<string, string> {
  const lines = [...files.values()].flatMap((text) => text.trimEnd().split('\n'));
  const lengths = [...files.values()].map((text) => text.trimEnd().split('\n').length);
  change(lines);
  const names = [...files.keys()];
  return new Map(
    names.map((name, place) => {
      const part = lines.splice(0, place === names.length - 1 ? lines.length : lengths[place]);
      return [name, part.map((line) => `${line}\n`).join('')];
    }),
  );
}

/** `other`: another log of the same server's key. */
type Tampering = (
  original: Original & { readonly other: ReadonlyMap<string, string> },
  roll: (bound: number) => number,
) => Map<string, string>;

const TAMPERINGS_OF_LINES: Readonly<Record<string, (lines: string[], roll: (bound: number) => number) => void>> = {
  delete: (lines, roll) => void lines.splice(roll(lines.length), 1),
  insert: (lines, roll) => {
    const [from, to] = [roll(lines.length), roll(lines.length + 1)];
    lines.splice(to, 0, lines[from] as string);
  },
  swap: (lines, roll) => {
    const one = roll(lines.length);
    const other = (one + 1 + roll(lines.length - 1)) % lines.length;
    [lines[one], lines[other]] = [lines[other] as string, lines[one] as string];
  },
  truncate: (lines, roll) => void lines.splice(roll(lines.length)),
  renumber: (lines, roll) => {
    const at = roll(lines.length);
    lines[at] = (lines[at] as string).replace(/"sequence":\d+/, `"sequence":${roll(60) + 100}`);
  },
};

const KINDS: Readonly<Record<string, Tampering>> = {
  flip: ({ files }, roll) => {
    const name = [...files.keys()][roll(files.size)] as string;
    const text = files.get(name) as string;
    const at = roll(text.length);
    const changed = String.fromCharCode(text.charCodeAt(at) ^ (1 << roll(8)));
    return new Map(files).set(name, text.slice(0, at) + changed + text.slice(at + 1));
  },
  cut: ({ files }, roll) => {
    const name = [...files.keys()][roll(files.size)] as string;
    const text = files.get(name) as string;
    return new Map(files).set(name, text.slice(0, roll(text.length)));
  },
  'remove a file': ({ files }, roll) => {
    const changed = new Map(files);
    changed.delete([...files.keys()][roll(files.size)] as string);
    return changed;
  },
  'replace a file': ({ files, other }, roll) => {
    const place = roll(Math.min(files.size, other.size));
    return new Map(files).set([...files.keys()][place] as string, [...other.values()][place] as string);
  },
  'roll back': ({ older }) => new Map(older),
  ...Object.fromEntries(
    Object.entries(TAMPERINGS_OF_LINES).map(([kind, change]) => [
      kind,
      ({ files }: Original, roll: (bound: number) => number) => withLines(files, (lines) => change(lines, roll)),
    ]),
  ),
};

campaign('tampering', async (t, run) => {
  const original = await makeLog(t);
  const directory = join(testDirectory(t), 'log');
  const options = { key, heads: original.heads };
  t.is((await verdictOf(directory, original.files, options)).problem, undefined);
  t.true(original.files.size > 2);
  const roll = (bound: number): number => run.random.integer(0, bound - 1);
  const other = (await makeLog(t)).files;
  const kinds = Object.entries(KINDS);
  for (; run.done < run.count; run.done++) {
    const [kind, tamper] = kinds[run.done % kinds.length] as [string, Tampering];
    const changed = tamper({ ...original, other }, roll);
    if (same(changed, original.files)) continue;
    const { problem } = await verdictOf(directory, changed, options);
    if (problem === undefined) run.fail(`not found: ${kind} (${run.done})`);
  }
});

function same(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([name, text]) => other.get(name) === text);
}

test('the line that was changed is named, and where it is', async (t) => {
  const { files } = await makeLog(t);
  const directory = join(testDirectory(t), 'log');
  const changed = withLines(files, (lines) => {
    lines[3] = (lines[3] as string).replace('"k1"', '"k2"');
  });
  const { problem } = await verdictOf(directory, changed, { key });
  t.is(problem?.sequence, 4);
  t.regex(problem?.text ?? '', /was changed/);
  t.regex(problem?.part ?? '', /^records-\d{16}\.jsonl$/);
});

test('a line whose own hash of its predecessor was changed is named, and not its predecessor', async (t) => {
  const { files } = await makeLog(t);
  const changed = withLines(files, (lines) => {
    lines[6] = (lines[6] as string)
      .replace(/"previousHash":"."/, '"previousHash":"0"')
      .replace(/"previousHash":"../, '"previousHash":"00');
  });
  const { problem } = await verdictOf(join(testDirectory(t), 'log'), changed, { key });
  t.is(problem?.sequence, 7);
});

test('lines that were taken out are counted', async (t) => {
  const { files } = await makeLog(t);
  const changed = withLines(files, (lines) => void lines.splice(4, 3));
  const { problem } = await verdictOf(join(testDirectory(t), 'log'), changed, { key });
  t.is(problem?.sequence, 5);
  t.regex(problem?.text ?? '', /3 lines were removed in front of line 8/);
});

test('a chain that was made anew from its second half on is found by the head that covers it', async (t) => {
  const { files } = await makeLog(t);
  const rewritten = withLines(files, (lines) => rewrite(lines, 9));
  const { problem } = await verdictOf(join(testDirectory(t), 'log'), rewritten, { key });
  t.regex(problem?.text ?? '', /written anew/);
});

test('a log that somebody else has signed, with a key of theirs in it, holds only by that key', async (t) => {
  const stranger = newSigner();
  const directory = testDirectory(t);
  const log = await openLog(directory, stranger);
  await log.record(anEvent());
  await log.close();
  t.is((await verifyAuditLog(logInDirectory(directory))).problem, undefined);
  t.regex((await verifyAuditLog(logInDirectory(directory), { key })).problem?.text ?? '', /audit key/);
});

test('a cut at the end shows only against a head that was kept elsewhere', async (t) => {
  const { files, heads } = await makeLog(t);
  const directory = join(testDirectory(t), 'log');
  const cut = withLines(files, (lines) => void lines.splice(-4));
  const without = await verdictOf(directory, cut, { key });
  t.is(without.problem, undefined);
  const against = await verdictOf(directory, cut, { key, heads });
  t.regex(against.problem?.text ?? '', /cut off at the end/);
});

test('a small log holds with no bit of its last line flipped, nor with one of any byte before it', async (t) => {
  const { directory, heads } = await smallLog(t);
  const source = logInDirectory(directory);
  const paths = logFiles(directory);
  const missed: string[] = [];
  const look = async (options: VerifyOptions, where: string, isEnd: boolean): Promise<void> => {
    const { problem, tornBytes } = await verifyAuditLog(source, options);
    // Against the log alone an end that is not written yet is as good as one that was taken away.
    const isTold = problem !== undefined || (isEnd && options.heads === undefined && tornBytes > 0);
    if (!isTold) missed.push(where);
  };
  for (const path of paths) {
    const bytes = readFileSync(path);
    // Nothing follows that holds its hash, so that each member of it has to be held by itself.
    const lastLine = path === paths.at(-1) ? bytes.lastIndexOf('\n', -2) + 1 : bytes.length;
    const file = openSync(path, 'r+');
    for (const [at, byte] of bytes.entries()) {
      for (const bit of at < lastLine ? [at % 8] : [0, 1, 2, 3, 4, 5, 6, 7]) {
        writeSync(file, Uint8Array.of(byte ^ (1 << bit)), 0, 1, at);
        const where = `${basename(path)}: bit ${bit} of byte ${at}`;
        await look({ key, heads }, where, at === bytes.length - 1);
        if (at >= lastLine) await look({ key }, `${where}, without heads`, at === bytes.length - 1);
      }
      writeSync(file, bytes, at, 1, at);
    }
    closeSync(file);
  }
  t.deepEqual(missed, []);
  t.is((await verifyAuditLog(source, { key, heads })).problem, undefined);
});

test('a last line that means the same in other bytes is none', async (t) => {
  const { files } = await makeLog(t);
  const directory = join(testDirectory(t), 'log');
  const spellings: readonly ((line: string) => string)[] = [
    (line) => line.replace('{', '{ '),
    (line) => `${line} `,
    (line) => `${line}\r`,
    (line) => `\ufeff${line}`,
    (line) => line.replace('AuditHead', '\\u0041uditHead'),
    (line) => line.replace('"treeSize":', '"treeSize":0,"treeSize":'),
    (line) => line.replace(/"treeSize":(\d+)/, '"treeSize":$1.0'),
    (line) => line.replace(/"rootHash":"(\w+)"/, (_, hash: string) => `"rootHash":"${hash.toUpperCase()}"`),
    (line) => line.replace(/("time":"[^"]+"),("treeSize":\d+)/, '$2,$1'),
    (line) => line.replace(/"}$/, '=="}'),
    (line) => line.replace('AuditHead', 'AuditTail'),
  ];
  for (const spell of spellings) {
    const changed = withLines(
      files,
      (lines) => void lines.push(Buffer.from(spell(lines.pop() as string)).toString('latin1')),
    );
    t.false(same(changed, files), spell.toString());
    t.not((await verdictOf(directory, changed, { key })).problem, undefined, spell.toString());
  }
});

test('a head that was signed anew over the same lines is not the one that was kept elsewhere', async (t) => {
  const { files, heads } = await makeLog(t);
  const directory = join(testDirectory(t), 'log');
  const last = heads.at(-1) as SignedHead;
  const again = await signHead(last, signer);
  const changed = withLines(files, (lines) => {
    const line = lines.pop() as string;
    lines.push(line.replace(headMembers(last), headMembers({ ...last, ...again })));
  });
  t.is((await verdictOf(directory, changed, { key })).problem, undefined);
  const { problem } = await verdictOf(directory, changed, { key, heads });
  t.is(problem?.sequence, last.treeSize + 1);
  t.regex(problem?.text ?? '', /not the head that was kept elsewhere/);
});

test('the line of a head that was kept elsewhere cannot be left away, also when it is the last one', async (t) => {
  const { files, heads } = await makeLog(t);
  const cut = withLines(files, (lines) => void lines.pop());
  const { problem } = await verdictOf(join(testDirectory(t), 'log'), cut, { key, heads });
  t.is(problem?.sequence, (heads.at(-1)?.treeSize as number) + 1);
  t.regex(problem?.text ?? '', /kept elsewhere, is gone/);
});

test('two logs that went different ways from one state do not both agree with the heads', async (t) => {
  const directory = testDirectory(t);
  const heads: SignedHead[] = [];
  const headCopies = [{ keep: async (head: SignedHead) => void heads.push(head) }];
  const begun = await openLog(directory, signer);
  await begun.record(anEvent());
  await begun.close();
  const state = read(directory);
  const ways: Map<string, string>[] = [];
  for (const requestId of ['this way', 'that way']) {
    for (const [name, text] of state) writeFileSync(join(directory, name), text, 'latin1');
    const log = await openLog(directory, signer, { headCopies });
    await log.record(anEvent({ requestId }));
    await log.close();
    ways.push(read(directory));
  }
  for (const files of ways) {
    const { problem } = await verdictOf(join(testDirectory(t), 'log'), files, { key, heads });
    t.regex(problem?.text ?? '', /not those of the head that was kept elsewhere/);
  }
});

test('heads of another log do not stand for this one', async (t) => {
  const { heads } = await makeLog(t);
  const { files } = await makeLog(t);
  const { problem } = await verdictOf(join(testDirectory(t), 'log'), files, { key, heads });
  t.regex(problem?.text ?? '', /none of the heads/);
});

test('without its first file a log holds from where it is said to begin, and nowhere else', async (t) => {
  const { files, heads } = await makeLog(t);
  const directory = join(testDirectory(t), 'log');
  const [[first = '', text = ''] = []] = files;
  const rest = new Map([...files].filter(([name]) => name !== first));
  const from = text.trimEnd().split('\n').length + 1;
  t.is((await verdictOf(directory, rest, { key, from, heads })).problem, undefined);
  t.regex((await verdictOf(directory, rest, { key })).problem?.text ?? '', /what came before is not here/);
  t.is((await verdictOf(directory, files, { key, from })).first, from);
  t.not((await verdictOf(directory, rest, { key, from: 10_000 })).problem, undefined);
});

test('an empty directory, and a log without a head, prove nothing', async (t) => {
  const { files } = await makeLog(t);
  const directory = join(testDirectory(t), 'log');
  t.regex((await verdictOf(directory, new Map(), { key })).problem?.text ?? '', /no lines/);
  const headless = withLines(files, (lines) => void lines.splice(3));
  t.regex((await verdictOf(directory, headless, { key })).problem?.text ?? '', /no signed head/);
});

/** As somebody would who can compute hashes and cannot sign. */
function rewrite(lines: string[], from: number): void {
  const chained = lines.slice(0, from).map((line) => JSON.parse(line) as { chain: string });
  const chain = new HashChain({
    chain: chained[0]?.chain ?? '',
    previousHash: '0'.repeat(64),
    tree: new MerkleTree(),
  });
  for (const [place, line] of lines.entries()) {
    const members = line.slice(line.indexOf('"category"'), -1);
    const changed = place < from ? members : members.replace('"k1"', '"k2"');
    lines[place] = chain.link(place < from ? members : peaksOf(changed, chain));
  }
}

/** An opening line has to fit to what comes before, or it gives the forgery away at once. */
function peaksOf(members: string, { tree }: HashChain): string {
  const peaks = JSON.stringify(tree.peaks.map((peak) => peak.toString('hex')));
  return members.replace(/"peaks":\[[^\]]*\]/, `"peaks":${peaks}`);
}
