import { readdirSync, readFileSync } from 'node:fs';

const KIB_PER_MB = 1_000_000 / 1024;

/** Memory that the process and its children (hosts of the HSM) have in RAM, in MB (10^6 bytes). */
export function residentMegabytes(pid: number): number {
  const kib = [pid, ...childrenOf(pid)].map((each) => {
    const status = readFileSync(`/proc/${each}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  });
  return kib.reduce((sum, each) => sum + each, 0) / KIB_PER_MB;
}

/** Files, sockets and whatever else the process and its children have open. */
export function openDescriptors(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + readdirSync(`/proc/${each}/fd`).length, 0);
}

export function childrenOf(pid: number): number[] {
  const ofThreads = readdirSync(`/proc/${pid}/task`).map((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'),
  );
  return ofThreads.join(' ').split(' ').filter(Boolean).map(Number);
}

/** How fast a quantity grows, by the line through its samples that has the least squares; NaN for a single one. */
export function slope(samples: readonly { readonly at: number; readonly value: number }[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middle, level] = [mean(samples.map(({ at }) => at)), mean(samples.map(({ value }) => value))];
  const moved = samples.reduce((sum, { at, value }) => sum + (at - middle) * (value - level), 0);
  return moved / samples.reduce((sum, { at }) => sum + (at - middle) ** 2, 0);
}
