/** Where the programs of Prometheus are, if they are installed: tests that need them are skipped otherwise, and say so. Both are found on the PATH. */
import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';

const missing = ['prometheus', 'promtool'].filter((program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error !== undefined);

export const describePrometheus: (body: () => void) => void =
  missing.length === 0
    ? (body) => describe('with Prometheus', body)
    : (body) => describe.skip(`with Prometheus, of which ${missing.join(' and ')} is not on the PATH (the package prometheus of Debian has both)`, body);
