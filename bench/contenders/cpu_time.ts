import { readdirSync, readFileSync } from 'node:fs';

/** Processes that a process has started and that still live: the isolated hosts of the engine. */
export function childProcesses(pid: number | 'self'): number[] {
  const children: number[] = [];
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ')) {
      if (child !== '') children.push(Number(child));
    }
  }
  return children;
}

/** CPU time in microseconds of this process and of its children. */
export function cpuTimeUs(children: readonly number[]): number {
  const own = process.cpuUsage();
  let microseconds = own.user + own.system;
  for (const pid of children) microseconds += processTimeUs(pid);
  return microseconds;
}

/** From the scheduler's own account, in nanoseconds per thread: the clock ticks of /proc/PID/stat are too coarse for a slice. */
export function processTimeUs(pid: number): number {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number.parseInt(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8'), 10);
  }
  return nanoseconds / 1000;
}
