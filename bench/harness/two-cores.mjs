/**
 * Puts two threads, of this process or of two, on two cores. Where the kernel lets a thread that was woken share the core of the one that woke it, a round trip is
 * two switches of that core; on two cores it is two interrupts to a core that sleeps, which is another figure. Linux with `taskset` only.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Two cores that this process may use, or undefined if there are none or threads cannot be put on them here. */
export function coresForTwo() {
  if (process.platform !== 'linux' || spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined;
  const [, list] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
  const cores = list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return cores.length < 2 ? undefined : [cores[0], cores[1]];
}

/** The kernel's numbers of the threads of this process. The first thread has the number of the process. */
export function threadIds() {
  return process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [];
}

/** @param {number} thread as of `threadIds` @param {number} core */
export function pinThread(thread, core) {
  const { status, stderr } = spawnSync('taskset', ['-pc', String(core), String(thread)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`thread ${thread} was not put on core ${core}: ${stderr}`);
}

/**
 * Puts this process and another one, with their first threads, on two cores or on one; undefined where that cannot be done. Left to the kernel, a process that is woken runs on the core of the one that wakes it in one round
 * and not in the next, which are two figures.
 * @param {number} otherPid
 */
export function placesOf(otherPid) {
  const cores = coresForTwo();
  if (cores === undefined) return undefined;
  const put = (own, other) => {
    pinThread(process.pid, own);
    pinThread(otherPid, other);
  };
  return { apart: () => put(cores[0], cores[1]), together: () => put(cores[0], cores[0]) };
}
