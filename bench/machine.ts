import { execFile } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Everything but what benches and campaigns write. */
const NO_RESULTS = [
  ':/',
  ':(top,exclude)bench/results',
  ':(top,exclude)test/campaigns/results.jsonl',
  ':(top,exclude)README.md',
];

/** What a reader must know of the machine before comparing figures with his own. */
export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly distribution: string;
  readonly node: string;
  readonly softhsm: string;
  readonly pkcs11js: string;
  readonly graphene: string;
  readonly commit: string;
  readonly date: string;
}

export async function machineFacts(): Promise<MachineFacts> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    distribution: await output('sh', ['-c', '. /etc/os-release && echo "$PRETTY_NAME"']),
    node: process.version,
    softhsm: await output('softhsm2-util', ['--version']),
    pkcs11js: await packageVersion('pkcs11js'),
    graphene: await packageVersion('graphene-pk11'),
    commit: await commit(),
    date: new Date().toISOString().slice(0, 10),
  };
}

/** With `-dirty` where something else than results was changed since. */
async function commit(): Promise<string> {
  const head = await output('git', ['rev-parse', '--short=12', 'HEAD']);
  const changed = await output('git', ['status', '--porcelain', '--untracked-files=no', '--', ...NO_RESULTS]);
  return changed === '' ? head : `${head}-dirty`;
}

async function output(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(program, args)).stdout.trim();
  } catch {
    return 'unknown';
  }
}

async function packageVersion(name: string): Promise<string> {
  const { default: manifest } = await import(`${name}/package.json`, { with: { type: 'json' } });
  return manifest.version;
}
