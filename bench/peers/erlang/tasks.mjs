/** Which suites Erlang/OTP takes part in, if it is installed. */
import { spawnSync } from 'node:child_process';

const MODULE = new URL('./run.mjs', import.meta.url).href;

const JOBS = {
  'same-thread':
    'one scheduler (+S 1:1). tell: messages to a process, batches of 1,000 as above. ask: a message with a fresh reference and a selective receive (no monitor, no time limit). spawn+stop: spawn_monitor, a message to stop, the DOWN',
  memory: 'idle processes in a hand-written receive loop, found by name in an ets table',
  lookup: 'ets:lookup in a set with read_concurrency, keys are binaries, the value is a process identifier',
  table:
    'ets:lookup, insert_new and delete in a set with read_concurrency, one scheduler. by reference: its lookup by name once more, since a table of names has no other way',
  scale: 'processes on two schedulers (+S 2:2), each sent one message, which it passes on to one of two counting processes',
};

let found;

/** @param {string} suite */
export function erlangTasks(suite) {
  const job = JOBS[suite];
  if (job === undefined) return { peers: [], missing: [] };
  found ??= ['erl', 'erlc'].every((program) => spawnSync(program, ['-version'], { stdio: 'ignore' }).error === undefined);
  if (!found) return { peers: [], missing: [{ peer: 'erlang', reason: 'erl and erlc are not on PATH (Debian: apt-get install erlang-base)' }] };
  return { peers: [{ peer: 'erlang', module: MODULE, job }], missing: [] };
}
