export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The closing comments of a TAP stream: `# pass 3`, `# fail 0`, `# skip 1`. Undefined when the run did not get there. */
export function countTap(output: string): TestCount | undefined {
  const closing = (word: string) => output.match(new RegExp(`^# ${word} (\\d+)$`, 'm'))?.[1];
  const passed = closing('pass');
  if (passed === undefined) return undefined;
  return { passed: Number(passed), failed: Number(closing('fail') ?? 0), skipped: Number(closing('skip') ?? 0) };
}

/**
 * Catch2's closing line, of versions 2 and 3 alike: `All tests passed (12 assertions in 3 test cases)`, or
 * `test cases: 3 | 1 passed | 1 failed | 1 skipped`. Undefined when the run did not get there.
 */
export function countCatch2(output: string): TestCount | undefined {
  const allPassed = output.match(/^All tests passed \(\d+ assertions? in (\d+) test cases?\)/m)?.[1];
  if (allPassed !== undefined) return { passed: Number(allPassed), failed: 0, skipped: 0 };
  const line = output.match(/^test cases:.*$/m)?.[0];
  if (line === undefined) return undefined;
  const named = (word: string) => Number(line.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0);
  return { passed: named('passed'), failed: named('failed'), skipped: named('skipped') };
}

/** Of a TAP stream: each test that failed, with what it has logged and what is indented under it, which says why. */
export function tapFailures(output: string): string[] {
  return output.match(/^not ok .*$(?:\n(?:# {3}|[ \t]+).*$)*/gm) ?? [];
}
