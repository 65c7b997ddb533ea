/**
 * Many agents move between threads while others send to them and ask them: no message is lost, handled twice or out of order, and asks take at most ten times as long as when
 * nothing moves. `node test/long/migration.mjs --agents 100000 --seconds 5`: prints what it measured; ends with 1 if something was wrong. `--factor n`: asks may take so many times as
 * long, 0 for any.
 */
import { performance } from 'node:perf_hooks';
import { createNexus } from '../../dist/ts-src/index.js';
import { Crowded } from '../fixtures/crowded.mjs';

const options = { agents: 100_000, seconds: 5, factor: 10, threads: 2, clients: 8 };
for (let at = 2; at < process.argv.length; at += 2) {
  const name = process.argv[at].replace(/^--/, '');
  const value = Number(process.argv[at + 1]);
  if (!(name in options) || !Number.isInteger(value) || value < 0) {
    process.stderr.write(
      `${process.argv[at]} ${process.argv[at + 1]} is not ${Object.keys(options)
        .map((each) => `--${each}`)
        .join(', ')} and a whole number\n`,
    );
    process.exit(2);
  }
  options[name] = value;
}

const nexus = await createNexus({
  agents: [new URL('../fixtures/crowded.mjs', import.meta.url)],
  threads: options.threads,
  memory: { agentsMax: options.agents * 2 },
});
const refs = [];
for (let first = 0; first < options.agents; first += 1000) {
  refs.push(
    ...(await Promise.all(
      Array.from({ length: Math.min(1000, options.agents - first) }, (_, index) => nexus.spawn(Crowded, { id: `c${first + index}`, thread: 1 })),
    )),
  );
}
const sent = new Int32Array(options.agents);
const wrong = [];
let isMoving = true;
let told = 0;
let asked = 0;

/** Tells and asks agents one after the other, spread over all; the reply says how many messages the agent has handled, and whether all came in order. */
async function client(number, times) {
  let at = number;
  while (isMoving) {
    at = (at + 7919) % options.agents;
    const ref = refs[at];
    for (let count = 0; count < 2; count++) {
      if (ref.tell('put', sent[at]) === 'accepted') {
        sent[at]++;
        told++;
      }
    }
    const expected = sent[at];
    const began = performance.now();
    try {
      const handled = await ref.ask('count');
      times.push(performance.now() - began);
      asked++;
      // Another client may have sent more to it meanwhile.
      if (handled < expected || handled > sent[at]) wrong.push(`${ref.id}: handled ${handled} of ${expected}`);
    } catch (error) {
      wrong.push(`${ref.id}: ${error.code ?? error.message}`);
    }
  }
}

async function load(during) {
  isMoving = true;
  const times = [];
  const clients = Array.from({ length: options.clients }, (_, number) => client(number * 101, times));
  const result = await during();
  isMoving = false;
  await Promise.all(clients);
  times.sort((x, y) => x - y);
  return { result, p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)], max: times.at(-1), asks: times.length };
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const show = (name, { p50, p99, max, asks }) =>
  process.stdout.write(`${name}: ${asks} asks, p50 ${p50.toFixed(3)} ms, p99 ${p99.toFixed(3)} ms, most ${max.toFixed(1)} ms\n`);

await load(() => wait(500));
const quiet = await load(() => wait(options.seconds * 500));
show('quiet', quiet);
const began = performance.now();
const cpu = process.cpuUsage();
let moves = 0;
const moving = await load(async () => {
  for (let to = 2; performance.now() - began < options.seconds * 1000 || moves === 0; to = to === 2 ? 1 : 2) {
    const { moved, failures } = await nexus.migrateMany(refs, Math.min(to, options.threads));
    moves++;
    if (moved !== options.agents) wrong.push(`moved ${moved}: ${failures[0]?.error.message}`);
  }
});
const tookMs = performance.now() - began;
const { user, system } = process.cpuUsage(cpu);
show('moving', moving);
process.stdout.write(
  `${moves} times ${options.agents} agents in ${tookMs.toFixed(0)} ms: ${((moves * options.agents * 1000) / tookMs).toFixed(0)} a second, ${((user + system) / moves / options.agents).toFixed(1)} us of CPU each with the load\n`,
);
const after = await load(() => wait(options.seconds * 500));
show('quiet again', after);
for (let first = 0; first < options.agents; first += 1000) {
  const some = refs.slice(first, first + 1000);
  const counts = await Promise.all(some.map((ref) => ref.ask('count')));
  counts.forEach((count, index) => {
    if (count !== sent[first + index]) wrong.push(`${some[index].id}: ${count} handled of ${sent[first + index]}`);
  });
}
const disorder = await Promise.all(
  [0, 1, 2].filter((thread) => thread <= options.threads).map(async (thread) => (await nexus.spawn(Crowded, { thread })).ask('disorder')),
);
if (disorder.some((count) => count > 0)) wrong.push(`${disorder.join(', ')} messages out of order`);
const factor = moving.p99 / Math.max(quiet.p99, after.p99);
process.stdout.write(`${told} tells, ${asked} asks; p99 while agents move is ${factor.toFixed(1)} times that of quiet\n`);
if (options.factor > 0 && factor > options.factor) wrong.push(`p99 is ${factor.toFixed(1)} times that of quiet`);
for (const line of wrong.slice(0, 10)) process.stdout.write(`WRONG ${line}\n`);
process.stdout.write(wrong.length === 0 ? 'nothing was wrong\n' : `${wrong.length} things were wrong\n`);
await nexus.stop();
process.exitCode = wrong.length === 0 ? 0 : 1;
