/**
 * What it costs to watch a big system: agents, and messages at a rate that does not follow the machine, with and without somebody who asks for a snapshot again and again. Each measurement is a
 * process of its own, in turn, so that nothing of the one is in the other. `--agents 1000000 --rate 1000000 --seconds 10 --rounds 3 --threads 1 --interval 1000`.
 * Prints the CPU time of the whole process in thousandths of one core, for each round and the difference of the medians; with `--once watched` or `--once unwatched` one measurement as JSON.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createNexus } from '../../dist/ts-src/index.js';
import { Crowd, Sender } from '../fixtures/crowd-under-load.mjs';

const names = ['agents', 'rate', 'seconds', 'rounds', 'threads', 'interval'];
const { values } = parseArgs({ options: Object.fromEntries([...names, 'once'].map((name) => [name, { type: 'string' }])) });
const defaults = { agents: 1_000_000, rate: 1_000_000, seconds: 10, rounds: 3, threads: 1, interval: 1000 };
const [agents, rate, seconds, rounds, threads, interval] = names.map((name) => {
  const number = Number(values[name] ?? defaults[name]);
  if (Number.isFinite(number) && number >= 0) return number;
  process.stderr.write(`--${name} ${values[name]} is not a number\n`);
  process.exit(2);
});

if (values.once !== undefined) process.stdout.write(`${JSON.stringify(await measure(values.once === 'watched'))}\n`);
else compare();

function compare() {
  const results = { watched: [], unwatched: [] };
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? ['watched', 'unwatched'] : ['unwatched', 'watched'];
    for (const which of order) {
      const passed = names.flatMap((name) => [`--${name}`, String({ agents, rate, seconds, rounds, threads, interval }[name])]);
      const text = execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...passed, '--once', which], { encoding: 'utf8' });
      const result = JSON.parse(text);
      results[which].push(result);
      process.stdout.write(
        `${which}: ${(1000 * result.cores).toFixed(1)} thousandths of a core, ${Math.round(result.perSecond)} messages/s, ${result.snapshots} snapshots, slowest ${result.slowestMs.toFixed(1)} ms\n`,
      );
    }
  }
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  const cost = median(results.watched.map(({ cores }) => cores)) - median(results.unwatched.map(({ cores }) => cores));
  process.stdout.write(`watching costs ${(1000 * cost).toFixed(1)} thousandths of a core\n`);
}

async function measure(isWatched) {
  const nexus = await createNexus({ agents: [new URL('../fixtures/crowd-under-load.mjs', import.meta.url)], threads, memory: { agentsMax: agents + 1000 } });
  const perThread = Math.floor(agents / Math.max(1, threads));
  const senders = [];
  for (let thread = Math.min(1, threads); thread <= threads; thread++) {
    const sender = await nexus.spawn(Sender, { thread });
    await sender.ask('spawn', { kind: Crowd.kind, count: perThread }, { timeoutMs: 600_000 });
    await sender.ask('start', rate / Math.max(1, threads));
    senders.push(sender);
  }
  let snapshots = 0;
  let slowestMs = 0;
  let last;
  const look = async () => {
    const startedMs = performance.now();
    last = await nexus.snapshot();
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    snapshots++;
  };
  const handled = () => nexus.threads().reduce((sum, { counters }) => sum + counters.handled, 0);
  // The optimizing compiler has its turn before.
  const timer = isWatched ? setInterval(() => void look(), interval) : undefined;
  await new Promise((resolve) => setTimeout(resolve, 5000));
  slowestMs = 0;
  snapshots = 0;
  const before = handled();
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { user, system } = process.cpuUsage(cpu);
  const tookMs = performance.now() - startedMs;
  const perSecond = ((handled() - before) * 1000) / tookMs;
  clearInterval(timer);
  for (const sender of senders) await sender.ask('end', undefined, { timeoutMs: 60_000 });
  await nexus.stop({ deadlineMs: 60_000 });
  return { cores: (user + system) / 1000 / tookMs, perSecond, snapshots, slowestMs, live: last?.agents.live ?? 0, actions: last?.actions ?? [] };
}
