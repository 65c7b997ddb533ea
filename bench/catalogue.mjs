/**
 * All suites, their peers, and the job each peer does. A suite holds one distance only: what happens on one thread is never in a table with what crosses
 * threads. `job` says what is done and what counts as done, so that a reader can judge whether two peers were given equal work. A `role` marks what is not a peer at all: a floor or a limit, which nothing that does the whole job
 * can reach.
 */
import { erlangTasks } from './peers/erlang/tasks.mjs';
import { wakeUpTasks } from './peers/wake-up/tasks.mjs';

const SAME_THREAD = [
  {
    peer: 'nexus',
    module: 'suites/same-thread/nexus.mjs',
    job: 'agents on the calling thread. tell: 1,000 tells, then an ask of the same agent whose reply shows that all were handled; every outcome is accepted. stop: resolved when the stop hook may run',
  },
  {
    peer: 'nact',
    module: 'suites/same-thread/nact.mjs',
    job: 'spawn, dispatch, query with a time limit; the same batches of 1,000. stop: done when afterStop was called',
  },
  {
    peer: 'XState',
    module: 'suites/same-thread/xstate.mjs',
    job: 'createActor(fromTransition), send, which handles the event before it returns. ask: an event with a callback that resolves an awaited promise. stop: done when it returns',
  },
  {
    peer: 'bare-queue',
    role: 'floor',
    module: 'suites/same-thread/bare-queue.mjs',
    job: 'no actor library: one array of action and input, drained in a microtask; no names checked, no limits, no failures handled, no time limits',
  },
];

const MEMORY = [
  {
    peer: 'nexus',
    module: 'suites/memory/nexus.mjs',
    job: 'default options, agents on the calling thread, each with an id and a state of one number; references dropped',
  },
  { peer: 'nact', module: 'suites/memory/nact.mjs', heavy: true, job: 'named children of one system, each with a state of one number; references dropped' },
  { peer: 'XState', module: 'suites/memory/xstate.mjs', heavy: true, job: 'started actors of a fromTransition with a context of one number, in a Map by id' },
  { peer: 'plain-object', role: 'floor', module: 'suites/memory/plain-object.mjs', job: 'objects of id and number in a Map by id: no mailbox, no behaviour' },
];

const CROSS_THREAD = [
  {
    peer: 'nexus',
    module: 'suites/cross-thread/nexus.mjs',
    job: 'agent on a worker thread. tell: counted and added up by the agent; a refused tell is sent again after a turn of the event loop; after 100 turns in vain the sender waits for an answer first. ask: replies with its input',
  },
  {
    peer: 'postMessage',
    module: 'suites/cross-thread/post-message.mjs',
    job: 'the same values through a MessageChannel to a worker, counted and added up there, acknowledged every 1,000 (every 16 of 64 kB) to bound the queue. ask: the worker posts the value back',
  },
  {
    peer: 'piscina',
    module: 'suites/cross-thread/piscina.mjs',
    job: 'one worker thread; a task that returns its input. Has no tell',
  },
  {
    peer: 'raw-ring',
    role: 'limit',
    module: 'suites/cross-thread/ring.mjs',
    job: 'the ring that nexus uses, between two threads that spin and do nothing else: bytes copied in and read in place, no values, no agents, no event loop',
  },
  {
    peer: 'futex',
    role: 'floor',
    module: 'suites/cross-thread/futex.mjs',
    job: 'Atomics.notify and Atomics.wait to a thread and back, without any data',
  },
];

const LOOKUP = [
  {
    peer: 'nexus',
    module: 'suites/lookup/nexus.mjs',
    job: 'nexus.find of agents of a worker thread, a reference made for each; getOrSpawn of an agent that exists, awaited',
  },
  {
    peer: 'Map',
    module: 'suites/lookup/map.mjs',
    job: 'one Map of names to objects in the heap of one thread, not shared. The names to look up are other strings than the keys, as with names from a socket, but looked up before, so that their hashes are known',
  },
];

const TABLE = [
  {
    peer: 'nexus',
    module: 'suites/table/nexus.mjs',
    job: 'the routing table alone, without agents and references. by reference: is the agent alive, and on which thread. insert: if absent; as many new names as a twentieth of those there in each round, then removed in a random order',
  },
  {
    peer: 'Map',
    module: 'suites/table/map.mjs',
    job: 'one Map in the heap of one thread, not shared: get, set, delete. It has the hash of each string from the round before',
  },
  {
    peer: 'cache-misses',
    role: 'floor',
    module: 'suites/table/cache-misses.mjs',
    job: 'two loads that depend on each other, the first from as much memory as the index has, the second from as much as the records have; no hash, no name, no comparison',
  },
];

const SCALE = [
  {
    peer: 'nexus',
    module: 'suites/scale/nexus.mjs',
    job: 'all spawned by the calling thread onto two workers in batches of 2,000, then one tell to each; done when the workers have counted and added up all of them',
  },
];

const IDLE = [
  {
    peer: 'nexus',
    module: 'suites/idle/nexus.mjs',
    job: '1,000 agents on two workers, each of which has had a message; then nothing for 3 s. Processor time of the whole process, the timer that ends the wait included',
  },
];

const FLIGHT = [
  {
    peer: 'nexus',
    module: 'suites/flight/nexus.mjs',
    job: 'the flight recorder of a thread alone, within a drain, whose clock is read already: an event of 32 bytes into a ring of 4,096 in shared memory; the last event must be there. run: begun and completed',
  },
  {
    peer: 'array',
    role: 'floor',
    module: 'suites/flight/array.mjs',
    job: 'the same eight numbers into a ring of 4,096 in an array of the heap: nobody could read them after a crash',
  },
];

const HISTOGRAM = [
  {
    peer: 'nexus',
    module: 'suites/histogram/nexus.mjs',
    job: 'the recorder of a thread alone, without a clock: 2,345 buckets from 1 ns to 1 h at 0.8 %, sum, least and greatest, in shared memory',
  },
  {
    peer: 'prom-client',
    module: 'suites/histogram/prom-client.mjs',
    job: 'observe of a Histogram without labels, with the 29 bounds that nexus exports; nanoseconds are divided by 1e9 first',
  },
  {
    peer: 'perf_hooks',
    module: 'suites/histogram/perf-hooks.mjs',
    job: 'record of createHistogram with 3 figures from 1 ns to 1 h; in the memory of the process, read on its own thread',
  },
];

const OBSERVE = [
  {
    peer: 'nexus',
    module: 'suites/observe/nexus.mjs',
    job: 'nexus.observe: calls by outcome and duration into shared memory, and a scope with a correlation id that follows the promises; nothing is logged. A function that returns a number; an async one that awaits once',
  },
  {
    peer: 'prom-client',
    module: 'suites/observe/prom-client.mjs',
    job: 'a timer of a Histogram and a Counter of outcomes, with the name as a label; no correlation id, one thread',
  },
  { peer: 'bare-call', role: 'floor', module: 'suites/observe/bare-call.mjs', job: 'the function alone' },
];

const TELEMETRY = [
  { peer: 'nexus', module: 'suites/telemetry/nexus.mjs', job: 'tells on the calling thread that nobody watches' },
  { peer: 'channel', module: 'suites/telemetry/channel.mjs', job: 'a listener to nexus:message:processed, which counts' },
  { peer: 'tracing', module: 'suites/telemetry/tracing.mjs', job: 'tracing: { ratio: 0.01 }, at most 100 traces a second; spans go nowhere' },
  { peer: 'tracing-all', module: 'suites/telemetry/tracing-all.mjs', job: 'tracing: { ratio: 0.01 } without that bound; spans go nowhere' },
];

const CURVE = [
  {
    peer: 'nexus',
    module: 'suites/curve/nexus.mjs',
    job: '1 thread: the calling thread tells an agent of one worker. More: an agent of each worker tells one of the next worker, the last one of the first. Shapes are declared but where it says undeclared; counted and added up by the receivers; a refused tell is sent again as in cross-thread',
  },
  {
    peer: 'raw-ring',
    role: 'limit',
    module: 'suites/curve/ring.mjs',
    job: 'bare rings between the same threads, which do nothing else: bytes copied in and read in place. A thread that finds nothing to do spins, and after 2,000 looks naps for 50 µs',
  },
  {
    peer: 'postMessage',
    module: 'suites/curve/post-message.mjs',
    job: 'the same values through MessageChannels between the same threads, acknowledged every 1,000 (every 16 from 16 kB on)',
  },
];

const RESILIENCE = [
  {
    peer: 'nexus',
    module: 'suites/resilience/nexus.mjs',
    job: 'asks of an agent on the calling thread, and calls of an async function, bare and through one policy, one after the other, in turns of 400; the policies have their default options and nothing fails',
  },
];

const SIGNALS = [
  {
    peer: 'nexus',
    module: 'suites/signals/nexus.mjs',
    job: 'ctx.emit in a handler on the calling thread, patterns with a wildcard; each signal has an id, a time and its source, and is a message in the mailbox of its subscriber, counted and added up there. In batches of 1,000, each followed by an ask of the subscriber',
  },
  {
    peer: 'EventEmitter',
    role: 'floor',
    module: 'suites/signals/event-emitter.mjs',
    job: 'node:events: exact names, no patterns, the value itself to a listener that is called at once; no mailbox, no other thread',
  },
];

const GROUPS = [
  {
    peer: 'nexus',
    module: 'suites/groups/nexus.mjs',
    job: 'the decision alone: which of 1,000 members on other threads gets a message. Round robin counts for all threads; loads are in shared memory, and one changes with each choice. join and leave: of one member, with a new ring after each',
  },
  {
    peer: 'array',
    role: 'floor',
    module: 'suites/groups/array.mjs',
    job: 'an array in the heap of one thread: the next position; a scan for the least load. Nobody joins or leaves',
  },
  {
    peer: 'Map',
    role: 'floor',
    module: 'suites/groups/map.mjs',
    job: 'one Map of 4,096 keys to members, filled before: no hashing of members, nobody joins or leaves',
  },
];

const MEMBERSHIP = [
  {
    peer: 'nexus',
    module: 'suites/membership/nexus.mjs',
    job: 'bare failure detectors with their defaults in one queue of events, over datagrams that take 0.2 to 0.8 ms, 1 % of which are lost: simulated time, the same on every machine. Medians of 25 seeds. Messages: all that a node sends, acks too. False positives: healthy nodes found unreachable by a node, of 3 seeds of 160 s; what a slow node gets and sends waits for that long, then all of it passes within a second, and so on, while its timers run',
    taskTimeoutMs: 1_800_000,
  },
  {
    peer: 'no-multiplier',
    module: 'suites/membership/no-multiplier.mjs',
    job: 'without the local health multiplier; suspicions still shrink with confirmations',
  },
  { peer: 'fixed-suspicion', module: 'suites/membership/fixed-suspicion.mjs', job: 'with the multiplier; suspicions have the least time from the beginning' },
  { peer: 'plain-SWIM', module: 'suites/membership/plain-swim.mjs', job: 'without both: no sign of being slow itself changes anything' },
];

const CLUSTER = [
  {
    peer: 'nexus',
    module: 'suites/cluster/nexus.mjs',
    job: 'nodes as processes of their own on the loopback interface, at the default times: from what becomes of one until the last of the others has said that it knows',
  },
];

const GROWING = [
  {
    peer: 'nexus',
    module: 'suites/growing/nexus.mjs',
    job: 'three nodes that are full of agents of the ring, in processes of their own on one machine, and a fourth; a fifth member, of weight 0, asks some of them at a fixed rate, timed from when an ask was due',
    taskTimeoutMs: 1_200_000,
  },
];

const LOST = [
  {
    peer: 'nexus',
    module: 'suites/lost/nexus.mjs',
    job: 'five nodes as processes of their own on the loopback interface, at the default times, with agents that are started again elsewhere; another member asks all that were on the one that is killed until they have answered',
  },
];

const FORMING = [
  {
    peer: 'nexus',
    module: 'suites/membership/forming.mjs',
    job: 'whole memberships, views and leases and failure detectors, in one queue of events over the same datagrams: one node founds, the others start within five seconds, know three seeds and join. Simulated time of one seed. Messages: all that a node sends',
    taskTimeoutMs: 1_800_000,
  },
];

const SIMULATION = [
  {
    peer: 'nexus',
    module: 'suites/simulation/nexus.mjs',
    job: 'simulated clusters of five nodes, of which everything is traced and all invariants are looked at: simulated time over processor time, and runs of ten simulated minutes with drawn faults, set-up and healing, one after the other in one process, a minute of processor time',
  },
];

const REMOTE = [
  {
    peer: 'nexus',
    module: 'suites/remote/nexus.mjs',
    job: 'an agent of another node of a cluster, in another process, over WebSockets (cluster.sameHost: false): found by id and life, actions and kinds by name, time limits, order, limits on what waits. tell: counted and added up by the agent, asked at the end',
  },
  {
    peer: 'nexus-same-host',
    module: 'suites/remote/nexus-same-host.mjs',
    job: 'the same, through shared memory between the two processes where the native engine is there',
  },
  {
    peer: 'ws-msgpackr',
    module: 'suites/remote/ws-msgpackr.mjs',
    job: 'bare WebSockets of ws with MessagePack by msgpackr between two processes, a function by the name of the action, answers by a number in a Map: no limits, no agents, nobody is found',
  },
  { peer: 'ws-JSON', module: 'suites/remote/ws-json.mjs', job: 'the same with JSON' },
];

const TRANSPORT = [
  {
    peer: 'nexus',
    module: 'suites/transport/nexus.mjs',
    job: 'two transports in two processes over WebSockets: values encoded and decoded, checksums, receipts, bounds on what waits; counted and added up by the receiver, who says when all have come. Bulk on its own lane, in messages of 1 MiB, with heartbeats on the control lane every 2 ms meanwhile',
  },
  {
    peer: 'ws',
    role: 'floor',
    module: 'suites/transport/ws.mjs',
    job: 'bare WebSockets of ws between two processes: one connection, bytes as they are, at most 4 MB buffered; counted by the receiver',
  },
];

const SAME_HOST = [
  {
    peer: 'nexus',
    module: 'suites/same-host/nexus.mjs',
    job: 'two transports in two processes of this machine that share memory: values encoded and decoded, checksums, receipts, bounds on what waits; counted and added up by the receiver',
  },
  { peer: 'loopback', module: 'suites/same-host/loopback.mjs', job: 'the same two transports over a WebSocket on the loopback interface' },
  {
    peer: 'unix-socket',
    role: 'floor',
    module: 'suites/same-host/unix-socket.mjs',
    job: 'a bare Unix socket of node:net between two processes: bytes with their length, at most 4 MB buffered; counted by the receiver',
  },
];

const CONNECTIONS = [
  {
    peer: 'nexus',
    module: 'suites/connections/nexus.mjs',
    job: 'connections that one process has accepted, idle, from other processes over addresses 127.0.0.2 to 127.0.0.5; resident memory of the process that accepts. As many as `ulimit -n` allows, at most 50,000',
  },
  { peer: 'ws', role: 'floor', module: 'suites/connections/ws.mjs', job: 'the same with a bare server of ws' },
];

/** In the order in which they run. `roundsMax`: memory differs little from round to round, and takes long; the curve has many points; the membership is simulated. */
export const SUITES = [
  { suite: 'same-thread', peers: SAME_THREAD },
  { suite: 'memory', peers: MEMORY, roundsMax: 3 },
  { suite: 'cross-thread', peers: CROSS_THREAD },
  { suite: 'lookup', peers: LOOKUP },
  { suite: 'table', peers: TABLE },
  { suite: 'scale', peers: SCALE },
  { suite: 'idle', peers: IDLE },
  { suite: 'histogram', peers: HISTOGRAM },
  { suite: 'observe', peers: OBSERVE },
  { suite: 'flight', peers: FLIGHT },
  { suite: 'telemetry', peers: TELEMETRY },
  { suite: 'curve', peers: CURVE, roundsMax: 3 },
  { suite: 'resilience', peers: RESILIENCE },
  { suite: 'signals', peers: SIGNALS },
  { suite: 'groups', peers: GROUPS },
  { suite: 'transport', peers: TRANSPORT },
  { suite: 'same-host', peers: SAME_HOST },
  { suite: 'remote', peers: REMOTE },
  { suite: 'connections', peers: CONNECTIONS, roundsMax: 1 },
  { suite: 'membership', peers: MEMBERSHIP, roundsMax: 1 },
  { suite: 'cluster', peers: CLUSTER, roundsMax: 3 },
  { suite: 'growing', peers: GROWING, roundsMax: 1 },
  { suite: 'lost', peers: LOST, roundsMax: 3 },
  { suite: 'forming', peers: FORMING, roundsMax: 1 },
  { suite: 'simulation', peers: SIMULATION, roundsMax: 3 },
];

/**
 * The processes that one round of a suite takes.
 * @returns {{ tasks: readonly { peer: string, module: string, job: string, role?: string, parameters: object }[], missing: readonly { peer: string, reason: string }[], roundsMax: number }}
 */
export function tasksOf(name, size) {
  const { peers, roundsMax = Number.POSITIVE_INFINITY } = SUITES.find(({ suite }) => suite === name);
  const erlang = erlangTasks(name);
  const wakeUps = wakeUpTasks(name);
  const all = [...peers.map((peer) => ({ ...peer, module: new URL(peer.module, import.meta.url).href })), ...erlang.peers, ...wakeUps.peers];
  return { tasks: tasksOfPeers(name, all, size), missing: [...erlang.missing, ...wakeUps.missing], roundsMax };
}

function tasksOfPeers(name, peers, size) {
  if (name === 'memory') return peers.flatMap((peer) => eachSize(peer, size));
  // One number of threads after the other, so that peers of one point are measured side by side.
  if (name === 'curve') return size.curveThreads.flatMap((threads) => peers.map((peer) => ({ ...peer, parameters: { suite: name, threads } })));
  if (name === 'forming') return size.formingNodes.flatMap((nodes) => peers.map((peer) => ({ ...peer, parameters: { suite: name, nodes } })));
  return peers.map((peer) => ({ ...peer, parameters: { suite: name, peer: peer.peer } }));
}

/** Memory is measured in a process that has done nothing else. */
function eachSize(peer, size) {
  const agentsMax = peer.heavy ? size.memoryAgentsMaxOfHeavyPeers : Number.POSITIVE_INFINITY;
  return size.memoryAgents.filter((agents) => agents <= agentsMax).map((agents) => ({ ...peer, parameters: { suite: 'memory', agents } }));
}
