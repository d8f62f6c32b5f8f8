/**
 * The whole loop before a commit: each step with its time, the cheap ones first, and nothing after the first that
 * fails. Ends with the line `N passed, N failed, N skipped`. Names of steps as arguments run those alone.
 */
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runStep } from './run_step.ts';
import { countCatch2, countTap, type TestCount, tapFailures } from './test_counts.ts';

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** How many tests the output tells of; steps without it count only when they fail, as one failure. */
  readonly count?: (output: string) => TestCount | undefined;
}

const STEPS: readonly Step[] = [
  { name: 'style', command: ['biome', 'check', '--error-on-warnings'] },
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'layers', command: ['depcruise', '--config', '.dependency-cruiser.mjs', 'src', 'test', 'bench', 'scripts'] },
  { name: 'dead-code', command: ['knip'] },
  { name: 'native-build', command: ['scripts/build_native', '-Dwarnings_as_errors=1', '-Dbuild_tests=1'] },
  { name: 'native-tests', command: ['build/Release/native_tests'], count: countCatch2 },
  { name: 'tests', command: ['ava', '--tap'], count: countTap },
];

interface Finished {
  readonly name: string;
  readonly seconds: number;
  readonly failed: boolean;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
process.chdir(ROOT);
// Most tests start programs, from sources that are otherwise compiled anew each time.
process.env.NODE_COMPILE_CACHE ??= `${ROOT}node_modules/.cache/compile`;
process.env.PATH = [`${ROOT}node_modules/.bin`, dirname(process.execPath), process.env.PATH].join(delimiter);

const chosen = chosenSteps(process.argv.slice(2));
const finished: Finished[] = [];
const failures: string[] = [];
const total = { passed: 0, failed: 0, skipped: 0 };

for (const step of chosen) {
  console.log(`\n── ${step.name}: ${step.command.join(' ')}`);
  const started = performance.now();
  const { succeeded, output } = await runStep(step.command, step.count !== undefined);
  const count = step.count?.(output) ?? { passed: 0, failed: 0, skipped: 0 };
  // Crashes and lints are failures too, though no test of theirs says so.
  const failed = succeeded ? count.failed : Math.max(count.failed, 1);
  failures.push(...tapFailures(output));
  total.passed += count.passed;
  total.failed += failed;
  total.skipped += count.skipped;
  finished.push({ name: step.name, seconds: (performance.now() - started) / 1000, failed: failed > 0 });
  if (failed > 0) break;
}

if (failures.length > 0) console.log(['\n── failures', ...failures].join('\n'));
console.log('\n── times');
for (const { name, seconds, failed } of finished) {
  console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}${failed ? '  FAILED' : ''}`);
}
for (const { name } of chosen.slice(finished.length)) {
  console.log(`   not run  ${name}`);
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;

function chosenSteps(names: readonly string[]): readonly Step[] {
  const unknown = names.filter((name) => STEPS.every((step) => step.name !== name));
  if (unknown.length > 0) {
    console.error(
      `Expected names of steps (${STEPS.map(({ name }) => name).join(', ')}), received ${unknown.join(', ')}.`,
    );
    process.exit(2);
  }
  return names.length === 0 ? STEPS : STEPS.filter((step) => names.includes(step.name));
}
