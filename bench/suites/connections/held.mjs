/** Memory of this process before and after so many connections were made to it by others. As many as the machine allows: each takes a file. */
import { execFileSync } from 'node:child_process';
import { assertDone, settle } from '../../harness/measure.mjs';
import { openOther } from '../transport/other-process.mjs';

/** Files that a process has open for other reasons. */
const OTHER_FILES = 200;
/** A dialling process has fewer: it needs memory too. */
const HELD_BY_A_DIALLER = 15_000;

export async function measureHeld(size, report, peer, port, count) {
  const allowed = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' })) - OTHER_FILES;
  const wanted = size.heldConnections;
  const held = Number.isFinite(allowed) ? Math.min(wanted, allowed) : wanted;
  if (held < wanted) report.note('connections', `${held} held, not ${wanted}: ulimit -n is ${allowed + OTHER_FILES}`);
  const fill = async (many) => {
    const each = Math.min(HELD_BY_A_DIALLER, many);
    for (let left = many; left > 0; left -= each) {
      const dialler = await openOther('../connections/dialler.mjs', { peer, port });
      await dialler.ask({ count: Math.min(each, left) });
    }
  };
  // What the first ones take once is not spread over the others.
  const first = Math.min(100, Math.ceil(held / 4));
  await fill(first);
  const before = await resident();
  const from = performance.now();
  await fill(held - first);
  const seconds = (performance.now() - from) / 1000;
  const after = await resident();
  assertDone(count() === held, `${count()} connections of ${held} are held`);
  report.value('held at once', 'connections', held);
  report.value('memory of an idle connection', 'bytes', Math.max(1, (after - before) / (held - first)));
  report.value('accepted', 'connections/s', (held - first) / seconds);
}

async function resident() {
  for (let round = 0; round < 4; round++) {
    settle();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return process.memoryUsage.rss();
}
