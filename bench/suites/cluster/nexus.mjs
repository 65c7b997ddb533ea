/** How soon the nodes of a cluster of real processes know what has become of one of them, over WebSockets on the loopback interface. */
import { fork } from 'node:child_process';
import { JOINED, KILLED, LEAVE, REMOVED, STALLED } from './case-names.mjs';

const DEADLINE_MS = 60_000;

export async function run(size, report) {
  const nodes = [];
  try {
    for (let index = 0; index < size.clusterNodes; index++) nodes.push(await started(index, nodes[0], size.clusterTiming));
    await Promise.all(nodes.map((node) => node.said(({ event, members }) => event === 'view' && members === nodes.length)));

    const joiningMs = performance.now();
    const joiner = await started(nodes.length, nodes[0], size.clusterTiming);
    const joins = await Promise.all(nodes.map((node) => node.said(({ event, members }) => event === 'view' && members === nodes.length + 1)));
    // With the start of the process.
    report.value(JOINED, 'ms', latest(joins) - joiningMs);

    const blockedMs = performance.now();
    joiner.child.send({ type: 'block', blockMs: size.clusterBlockMs });
    const stalls = await Promise.all(nodes.map((node) => node.said(({ event, node: who }) => event === 'stalled' && who === joiner.name)));
    report.value(STALLED, 'ms', latest(stalls) - blockedMs);
    await Promise.all(nodes.map((node) => node.said(({ event, node: who }) => event === 'going on' && who === joiner.name)));

    const leavingMs = performance.now();
    joiner.child.send({ type: 'leave' });
    const leaves = await Promise.all(nodes.map((node) => node.said(({ event, node: who }) => event === 'left' && who === joiner.name)));
    report.value(LEAVE, 'ms', latest(leaves) - leavingMs);

    const victim = nodes.pop();
    const killedMs = performance.now();
    victim.child.kill('SIGKILL');
    const known = await Promise.all(nodes.map((node) => node.said(({ event, node: who }) => event === 'unreachable' && who === victim.name)));
    report.value(KILLED, 'ms', latest(known) - killedMs);
    const removals = await Promise.all(nodes.map((node) => node.said(({ event, node: who }) => event === 'removed' && who === victim.name)));
    report.value(REMOVED, 'ms', latest(removals) - killedMs);
    if (nodes.some(({ heard }) => heard.some(({ event, node }) => event === 'unreachable' && node !== victim.name)))
      throw new Error('a node that is there was taken for one that cannot be reached');
  } finally {
    for (const { child } of nodes) child.kill('SIGKILL');
  }
}

const latest = (heard) => Math.max(...heard.map(({ atMs }) => atMs));

/** Resolves when it has joined. */
async function started(index, seed, timing) {
  const name = `n${index}`;
  const parameters = { node: name, seeds: seed === undefined ? [] : [seed.address], timing };
  const child = fork(new URL('./node.mjs', import.meta.url), [JSON.stringify(parameters)], { execArgv: [] });
  const heard = [];
  const looks = new Set();
  child.on('message', (message) => {
    heard.push({ ...message, atMs: performance.now() });
    for (const look of looks) look();
  });
  const said = (isSuch) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name} has not said so within ${DEADLINE_MS} ms: ${isSuch}`)), DEADLINE_MS);
      const look = () => {
        const found = heard.find(isSuch);
        if (found === undefined) return;
        clearTimeout(timer);
        looks.delete(look);
        resolve(found);
      };
      looks.add(look);
      look();
    });
  const { address } = await said(({ event }) => event === 'joined');
  return { name, child, heard, said, address };
}
