import { readdirSync, readFileSync } from 'node:fs';
import { childrenOf } from '../fixtures/child_processes.ts';

const KIB_PER_MB = 1_000_000 / 1024;
const V8_PAGE_KIB = 256;

/** Memory that the processes have in RAM, in MB (10^6 bytes). */
export function residentMegabytes(pids: readonly number[]): number {
  const kib = pids.map((each) => {
    const status = readFileSync(`/proc/${each}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  });
  return kib.reduce((sum, each) => sum + each, 0) / KIB_PER_MB;
}

/** Of a process of Node.js what is resident in RAM and not V8's heap: no page of 256 KiB, mapped one by one, and no range of compiled code. */
export function megabytesBesideV8(pid: number): number {
  const mappings = readFileSync(`/proc/${pid}/smaps`, 'utf8').matchAll(
    /^[0-9a-f]+-[0-9a-f]+ (\S+) .* \d+ *(.*)\nSize: +(\d+) kB\n(?:.*\n)*?Rss: +(\d+) kB$/gm,
  );
  let kib = 0;
  for (const [, access, name, size, resident] of mappings) {
    const isOfHeap = name === '' && (Number(size) === V8_PAGE_KIB || access === 'rwxp');
    if (!isOfHeap) kib += Number(resident);
  }
  return kib / KIB_PER_MB;
}

/** Files, sockets and whatever else the process and its children have open. */
export function openDescriptors(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + readdirSync(`/proc/${each}/fd`).length, 0);
}

/** How fast a quantity grows, by the line through its samples that has the least squares; NaN for a single one. */
export function slope(samples: readonly { readonly at: number; readonly value: number }[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middle, level] = [mean(samples.map(({ at }) => at)), mean(samples.map(({ value }) => value))];
  const moved = samples.reduce((sum, { at, value }) => sum + (at - middle) * (value - level), 0);
  return moved / samples.reduce((sum, { at }) => sum + (at - middle) ** 2, 0);
}
