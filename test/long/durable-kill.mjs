/**
 * Kills the whole process (SIGKILL) during durable traffic, again and again, and checks on each return what is stored: every acknowledged write-through is there, write-behind
 * lost no more than its bound, what an agent has is a beginning of what it was told, and no agent is there twice.
 *
 *   node test/long/durable-kill.mjs [rounds=100] [agents=64] [seed=1]
 *
 * The process that is killed tells its parent, through a pipe, what was acknowledged: for write-through the number that the reply said; for write-behind the number and the
 * time (of the clock that all processes share) at which the handler had completed, written by the handler's thread.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Write-behind of the kinds in `durable-kill-agents.mjs`. */
const LOSS_MAX_MS = 100;
/** What the disk may take for a write that had begun in time, and the scheduler to notice; the agents hold their messages meanwhile, so that it costs no more changes. */
const WRITE_MS_MAX = 2000;

export async function killRounds({ rounds, agents, seed, threads = 2, say = () => undefined }) {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-kill-'));
  const random = mulberry(seed);
  const through = new Array(agents).fill(0);
  /** By agent: what was handled, oldest first, as [count, epochMs]. */
  const behind = Array.from({ length: agents }, () => []);
  const totals = { rounds: 0, acknowledged: 0, handled: 0, lostBehind: 0, lostWindowMsMax: 0, lostAgeMsMax: 0, twice: 0, startMsMax: 0 };
  try {
    for (let round = 0; round <= rounds; round++) {
      const isLast = round === rounds;
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL('./durable-kill-process.mjs', import.meta.url)), join(directory, 'store'), String(agents), String(threads)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      const exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
      const killAfterMs = 60 + random() * 400;
      let killedMs = 0;
      let begun = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        const news = JSON.parse(line);
        if (news.type === 'found') {
          totals.startMsMax = Math.max(totals.startMsMax, news.startMs);
          check(news, through, behind, totals);
          if (isLast) child.kill('SIGKILL');
        } else if (news.type === 'began') {
          begun = performance.now();
          setTimeout(() => {
            killedMs = Date.now();
            child.kill('SIGKILL');
          }, killAfterMs);
        } else if (news.type === 'through') {
          through[news.agent] = Math.max(through[news.agent], news.count);
          totals.acknowledged++;
        } else if (news.type === 'behind') {
          for (const [agent, count, atMs] of news.handled) behind[agent].push([count, atMs]);
          totals.handled += news.handled.length;
        }
      }
      const { signal } = await exited;
      if (signal !== 'SIGKILL') throw new Error(`round ${round}: the process ended by itself (${signal})`);
      for (const own of behind) own.killedMs = killedMs;
      totals.rounds = round;
      if (round % 10 === 0) say(`${round} rounds, ${JSON.stringify(totals)}, ${Math.round(performance.now() - begun)} ms`);
    }
    return totals;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function check({ throughCounts, behindCounts, broken, twice }, through, behind, totals) {
  if (broken.length > 0) throw new Error(`these states are no beginning of what was told: ${JSON.stringify(broken)}`);
  if (twice.length > 0) throw new Error(`these agents were there twice: ${JSON.stringify(twice)}`);
  throughCounts.forEach((count, agent) => {
    if (count < through[agent]) throw new Error(`through ${agent} has ${count}, and ${through[agent]} was acknowledged`);
    through[agent] = count;
  });
  behindCounts.forEach((count, agent) => {
    const own = behind[agent];
    const lost = own.filter(([handled]) => handled > count);
    if (lost.length > 0) {
      const first = lost[0][1];
      const last = lost.at(-1)[1];
      totals.lostBehind += lost.length;
      totals.lostWindowMsMax = Math.max(totals.lostWindowMsMax, last - first);
      totals.lostAgeMsMax = Math.max(totals.lostAgeMsMax, own.killedMs - first);
      // The times are of whole milliseconds.
      if (last - first > LOSS_MAX_MS + 2) throw new Error(`behind ${agent} lost what it handled within ${last - first} ms (count ${count})`);
      if (own.killedMs - first > LOSS_MAX_MS + WRITE_MS_MAX)
        throw new Error(`behind ${agent} lost what it had handled ${own.killedMs - first} ms before the end`);
    }
    behind[agent] = [];
  });
}

function mulberry(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [rounds = 100, agents = 64, seed = 1] = process.argv.slice(2).map(Number);
  const totals = await killRounds({ rounds, agents, seed, say: (line) => console.error(line) });
  console.log(JSON.stringify({ seed, agents, ...totals }));
}
