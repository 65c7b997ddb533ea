/** The ratios that matter, and the bars nexus set itself. They are printed; they fail nothing. */
import { figure, quantity } from './harness/table.mjs';
import { KILLED, LEAVE, STALLED } from './suites/cluster/case-names.mjs';
import { MOVING_P99, QUIET_P99, SHARE } from './suites/growing/case-names.mjs';
import { ALL as ALL_ELSEWHERE } from './suites/lost/case-names.mjs';
import { idleCase, knownCase, leasedCase, METADATA, slowCase, UNREACHABLE } from './suites/membership/case-names.mjs';
import { FAULTY_RUNS, IDLE_MEMBERSHIPS, IDLE_NEXUSES } from './suites/simulation/case-names.mjs';
import {
  HOT_P50,
  ONE_WAY as SAME_HOST_ONE_WAY,
  PARKED_ONE_CORE_P50 as SAME_HOST_PARKED_ONE_CORE,
  PARKED_P50 as SAME_HOST_PARKED,
} from './suites/same-host/case-names.mjs';
import { ASK_ONE_CORE_P50, ASK_P50, LOOKUP, LOOKUP_KNOWN, TELL as TELL_ACROSS } from './suites/remote/case-names.mjs';
import { BULK, HEARTBEAT_DURING_BULK, ONE_WAY, ROUND_TRIP_P50 } from './suites/transport/case-names.mjs';

const TELL = ['same-thread', 'tell, one agent'];
const ASK = ['same-thread', 'ask, p50'];
const SPAWN = ['same-thread', 'spawn+stop, 100 at a time'];
const REMOTE_TELL = ['cross-thread', 'tell, object of 20 bytes'];
const DECLARED_SMALL = ['cross-thread', 'tell, declared object of 20 bytes'];
const DECLARED_SIX = ['cross-thread', 'tell, declared object of six fields'];
const SIX = ['cross-thread', 'tell, object of six fields'];
const BINARY = ['cross-thread', 'tell, Uint8Array of 64 kB'];
const REMOTE_ASK = ['cross-thread', 'ask hot, p50'];
const PARKED = ['cross-thread', 'ask parked, p50'];
const PARKED_APART = ['cross-thread', 'ask parked, threads on two cores, p50'];
const IDLE_CORE = ['idle', '1,000 idle agents on 2 threads'];
const IDLE = ['memory', 'idle agent, 1,000,000 of them, resident'];
const FIND = ['lookup', 'find among 1,000,000, random'];
const FIND_HOT = ['lookup', 'find among 1,000,000, 8 names'];
const REFERENCE = ['table', 'by reference among 1,000,000, 8 agents'];
const INSERT = ['table', 'insert of a new name among 1,000,000'];

const RATIOS = [
  { title: 'same-thread tell, nexus : nact', of: TELL, peer: 'nact', higherIsBetter: true },
  { title: 'cross-thread tell of a small object, nexus : postMessage', of: REMOTE_TELL, peer: 'postMessage', higherIsBetter: true },
  { title: 'cross-thread ask hot, postMessage : nexus', of: REMOTE_ASK, peer: 'postMessage', higherIsBetter: false },
];

const BARS = [
  { title: 'same-thread tell', of: TELL, atLeast: 14e6 },
  { title: 'same-thread tell over nact', of: TELL, timesBetterThan: 'nact', higherIsBetter: true, atLeast: 30 },
  { title: 'same-thread ask, p50', of: ASK, atMost: 1000 },
  { title: 'same-thread spawn+stop, 100 at a time', of: SPAWN, atLeast: 1e6 },
  { title: 'cross-thread tell of a declared small object', of: DECLARED_SMALL, atLeast: 10e6 },
  {
    title: 'cross-thread tell of a declared small object over postMessage',
    ...{ of: DECLARED_SMALL, timesBetterThan: 'postMessage', ofPeer: REMOTE_TELL, higherIsBetter: true, atLeast: 35 },
  },
  { title: 'cross-thread tell of a declared object of six fields', of: DECLARED_SIX, atLeast: 4e6 },
  { title: 'cross-thread tell of an object of six fields', of: SIX, atLeast: 1e6 },
  { title: 'cross-thread tell of an object of six fields over postMessage', of: SIX, timesBetterThan: 'postMessage', higherIsBetter: true, atLeast: 3.5 },
  { title: 'cross-thread tell of 64 kB', of: BINARY, atLeast: 2e9 / 65_536 },
  { title: 'cross-thread ask hot, p50', of: REMOTE_ASK, atMost: 2600 },
  { title: 'cross-thread ask hot over postMessage', of: REMOTE_ASK, timesBetterThan: 'postMessage', higherIsBetter: false, atLeast: 10 },
  { title: 'cross-thread ask parked over a bare futex round trip', of: PARKED, timesWorseThan: 'futex', atMost: 1.25 },
  { title: 'the same with the threads on two cores', of: PARKED_APART, timesWorseThan: 'futex', atMost: 1.25 },
  { title: '1,000 idle agents on 2 threads', of: IDLE_CORE, atMost: 0.5 },
  { title: 'idle agent among 1,000,000', of: IDLE, atMost: 256 },
  { title: 'lookup among 1,000,000, random', of: FIND, atMost: 200 },
  { title: 'lookup among 1,000,000, hot', of: FIND_HOT, atMost: 60 },
  { title: 'lookup among 1,000,000, random, over erlang', of: FIND, timesBetterThan: 'erlang', higherIsBetter: false, atLeast: 4 },
  { title: 'lookup among 1,000,000, hot, over erlang', of: FIND_HOT, timesBetterThan: 'erlang', higherIsBetter: false, atLeast: 4 },
  { title: 'by reference', of: REFERENCE, atMost: 20 },
  { title: 'by reference over erlang', of: REFERENCE, timesBetterThan: 'erlang', higherIsBetter: false, atLeast: 4 },
  { title: 'insert among 1,000,000', of: INSERT, atMost: 500 },
  { title: 'insert among 1,000,000 over erlang', of: INSERT, timesBetterThan: 'erlang', higherIsBetter: false, atLeast: 4 },
  { title: 'round trip between nodes over a bare WebSocket', of: ['transport', ROUND_TRIP_P50], timesWorseThan: 'ws', atMost: 1.3 },
  { title: 'messages of 100 B between nodes', of: ['transport', ONE_WAY], atLeast: 300_000 },
  { title: 'round trip through shared memory, hot, p50', of: ['same-host', HOT_P50], atMost: 4000 },
  { title: 'the same, parked', of: ['same-host', SAME_HOST_PARKED], atMost: 20_000 },
  { title: 'the same, parked, over a bare Unix socket', of: ['same-host', SAME_HOST_PARKED], timesWorseThan: 'unix-socket', atMost: 1.5 },
  { title: 'the same on one core, over a bare Unix socket', of: ['same-host', SAME_HOST_PARKED_ONE_CORE], timesWorseThan: 'unix-socket', atMost: 1.5 },
  { title: 'messages of 100 B through shared memory', of: ['same-host', SAME_HOST_ONE_WAY], atLeast: 2e6 },
  { title: 'ask of an agent of another node, p50', of: ['remote', ASK_P50], atMost: 70_000 },
  { title: 'the same over a bare WebSocket', of: ['remote', ASK_P50], timesWorseThan: 'ws-msgpackr', atMost: 1.5 },
  { title: 'the same on one core, p50', of: ['remote', ASK_ONE_CORE_P50], atMost: 70_000 },
  { title: 'the same on one core over a bare WebSocket', of: ['remote', ASK_ONE_CORE_P50], timesWorseThan: 'ws-msgpackr', atMost: 1.5 },
  { title: 'an id looked up at its owner, p50', of: ['remote', LOOKUP], atMost: 100_000 },
  { title: 'an id looked up that was heard of', of: ['remote', LOOKUP_KNOWN], atMost: 1_000 },
  { title: 'tell of 100 B to an agent of another node', of: ['remote', TELL_ACROSS], atLeast: 300_000 },
  { title: 'bulk between nodes', of: ['transport', BULK], atLeast: 500 },
  { title: 'heartbeats during bulk, p99', of: ['transport', HEARTBEAT_DURING_BULK], atMost: 5e6 },
  { title: 'connections held at once', of: ['connections', 'held at once'], atLeast: 50_000 },
  { title: 'a closed breaker around an ask, added', of: ['resilience', 'ask, closed breaker'], addedTo: ['resilience', 'ask'], atMost: 100 },
  {
    title: 'a closed breaker around an async function, added',
    ...{ of: ['resilience', 'async function, closed breaker'], addedTo: ['resilience', 'async function'], atMost: 100 },
  },
  { title: 'round robin among 1,000 members', of: ['groups', 'round robin among 1,000'], atMost: 1000 },
  { title: 'least loaded of 1,000 members', of: ['groups', 'least loaded among 1,000'], atMost: 1000 },
  { title: 'two choices of 1,000 members', of: ['groups', 'two choices among 1,000'], atMost: 1000 },
  { title: 'consistent hash among 1,000 members', of: ['groups', 'consistent hash among 1,000'], atMost: 1000 },
  { title: 'metadata of a member to all of 100, 1 % loss', of: ['membership', METADATA], atMost: 3200 },
  { title: 'unreachable to all of 100, 1 % loss', of: ['membership', UNREACHABLE], atMost: 3200 },
  { title: 'kill -9 of a process: known to all others of 5', of: ['cluster', KILLED], atMost: 5000 },
  { title: 'a process leaves: known to all others of 5', of: ['cluster', LEAVE], atMost: 1000 },
  { title: 'a blocked event loop: known to all others of 5', of: ['cluster', STALLED], atMost: 1000 },
  { title: 'a fourth node for three that are full: moved share of the ideal quarter', of: ['growing', SHARE], atLeast: 0.9 },
  { title: 'the same', of: ['growing', SHARE], atMost: 1.1 },
  { title: 'asks meanwhile over asks before, p99', of: ['growing', MOVING_P99], timesOf: ['growing', QUIET_P99], atMost: 5 },
  { title: 'kill -9 of a process: all its agents answer elsewhere', of: ['lost', ALL_ELSEWHERE], atMost: 10_000 },
  { title: 'a killed node of 5 known to all others', of: ['membership', knownCase(5, 'killed')], atMost: 5000 },
  {
    title: 'false positives with local health over plain SWIM',
    ...{ of: ['membership', slowCase(16_000)], timesBetterThan: 'plain-SWIM', higherIsBetter: false, atLeast: 10 },
  },
  {
    title: 'false positives with local health over the same without its multiplier',
    ...{ of: ['membership', slowCase(32_000)], timesBetterThan: 'no-multiplier', higherIsBetter: false, atLeast: 10 },
  },
  { title: 'messages a node and second, 1,000 nodes', of: ['membership', idleCase(1000)], atMost: 2.5 },
  { title: 'messages a node and second with leases, 1,000 nodes', of: ['forming', leasedCase(1000)], atMost: 12 },
  { title: 'simulated: five idle memberships', of: ['simulation', IDLE_MEMBERSHIPS], atLeast: 1000 },
  { title: 'simulated: five idle nexuses', of: ['simulation', IDLE_NEXUSES], atLeast: 1000 },
  { title: 'simulated: ten minutes of five memberships with faults', of: ['simulation', FAULTY_RUNS], atLeast: 200 },
];

/** Lines to print below the table of these rows. What was not run is left out. */
export function formatRatiosAndBars(rows) {
  const lines = [];
  for (const { title, of, peer, higherIsBetter } of RATIOS) {
    const times = ratio(rows, of, peer, higherIsBetter);
    if (times !== undefined) lines.push(`  ${title}: ${figure(times)} x`);
  }
  if (lines.length > 0) lines.unshift('ratios of medians');
  const verdicts = evaluateBars(rows).map(({ title, met, text }) => `  ${met ? 'met   ' : 'missed'}  ${title}: ${text}`);
  if (verdicts.length > 0) lines.push('', 'bars', ...verdicts);
  return lines.join('\n');
}

export function evaluateBars(rows) {
  const verdicts = [];
  for (const bar of BARS) {
    const measured = measure(rows, bar);
    if (measured === undefined) continue;
    const { value, unit } = measured;
    const met = bar.atLeast === undefined ? value <= bar.atMost : value >= bar.atLeast;
    const limit = bar.atLeast === undefined ? `at most ${quantity(bar.atMost, unit)}` : `at least ${quantity(bar.atLeast, unit)}`;
    verdicts.push({ title: bar.title, met, text: `${quantity(value, unit)} (${limit})` });
  }
  return verdicts;
}

function measure(rows, { of, addedTo, timesOf, timesBetterThan, timesWorseThan, ofPeer = of, higherIsBetter }) {
  const ours = find(rows, of, 'nexus');
  if (addedTo !== undefined) {
    const bare = find(rows, addedTo, 'nexus');
    return ours === undefined || bare === undefined ? undefined : { value: ours.median - bare.median, unit: ours.unit };
  }
  if (timesOf !== undefined) {
    const base = find(rows, timesOf, 'nexus');
    return ours === undefined || base === undefined ? undefined : { value: ours.median / base.median, unit: 'x' };
  }
  if (timesBetterThan === undefined && timesWorseThan === undefined) return ours === undefined ? undefined : { value: ours.median, unit: ours.unit };
  const theirs = find(rows, ofPeer, timesBetterThan ?? timesWorseThan);
  if (ours === undefined || theirs === undefined) return undefined;
  return { value: timesWorseThan === undefined ? better(ours, theirs, higherIsBetter) : ours.median / theirs.median, unit: 'x' };
}

/** How many times better nexus is. */
function ratio(rows, of, peer, higherIsBetter) {
  const ours = find(rows, of, 'nexus');
  const theirs = find(rows, of, peer);
  return ours === undefined || theirs === undefined ? undefined : better(ours, theirs, higherIsBetter);
}

function better(ours, theirs, higherIsBetter) {
  return higherIsBetter ? ours.median / theirs.median : theirs.median / ours.median;
}

function find(rows, [suite, name], peer) {
  return rows.find((row) => row.suite === suite && row.case === name && row.peer === peer);
}
