/** What a reader must know of the machine and the code to judge a result. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** @returns {readonly (readonly [string, string])[]} names and values, in the order to print them */
export function environment() {
  const cores = cpus();
  return [
    ['node', `${process.version} (V8 ${process.versions.v8})`],
    ['cpu', `${cores[0]?.model.trim() ?? 'unknown'}, ${cores.length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
    ['system', `${process.platform} ${release()} ${process.arch}, load ${loadavg()[0].toFixed(2)} before the run`],
    ['commit', commit()],
    ['date', new Date().toISOString()],
  ];
}

function commit() {
  try {
    const git = (...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const changed = git('status', '--porcelain', '--', ':!bench/results') === '' ? '' : ', with changes';
    return `${git('rev-parse', '--short=12', 'HEAD')}${changed}`;
  } catch {
    return 'unknown (no git)';
  }
}
