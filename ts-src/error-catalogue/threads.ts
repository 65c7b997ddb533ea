/** Entries of the catalogue: threads, engines, policies and the testing kit. Read by `catalogue.ts` only. */
import type { ErrorCode } from '../errors.js';
import type { ErrorEntry } from './entry.js';

export const THREADS = {
  NEXUS_THREAD_UNKNOWN: {
    causes: 'A thread index beyond the workers there are, or of a thread that was given up.',
    remedy: 'Use `auto`, `local`, or 0 to the number of workers.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_THREAD_LOST: {
    causes:
      'The thread ended while the caller waited: out of memory, an uncaught error, `process.exit` in a worker. A successor is started and the agents come back with their ids.',
    remedy:
      'Ask again if the action may be repeated. Of a `nexus.spawn`: the agent may be there when its thread is back; use `getOrSpawn`. The event `threadLost` says why the thread ended.',
    retryable: 'maybe',
    retry: 'Only an action that may be repeated: the message may or may not have been handled.',
    errorClass: 'NexusError',
  },
  NEXUS_THREAD_FAILED: {
    causes: 'The thread ended more often than `workers.restart` allows and was given up; its agents are gone.',
    remedy: 'Read the `threadLost` events: something in that thread ends it. Spawn the agents on another thread.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_THREAD_START_FAILED: {
    causes: 'A worker ended, or was not ready within `workers.startTimeoutMs`, when the nexus started: a module that throws, blocks or exits there.',
    remedy: 'The cause is its error.',
    retryable: 'maybe',
    retry: 'If the host was short of memory or time.',
    errorClass: 'NexusError',
  },
  NEXUS_MEMORY_UNAVAILABLE: {
    causes: 'A limit on address space (`ulimit -v`, a container) is below what rings and table reserve.',
    remedy: 'Raise the limit, or lower `memory.agentsMax` or `memory.ringBytes`.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_LAYOUT_MISMATCH: {
    causes: 'Two versions of `nexus-agents` are loaded in one process.',
    remedy: 'Load one: `npm ls nexus-agents`.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_ENGINE_UNAVAILABLE: {
    causes: 'The engine that `engine.force`, `engine.require` or `NEXUS_ENGINE` names does not load: not built for this platform, or two of them disagree.',
    remedy: 'The message lists what was tried and how to build it. Leave the choice to Nexus unless you measure.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_TIMEOUT: {
    causes: 'A call through a policy took longer than its time limit (`data.limitMs`) or its deadline. What it called may go on.',
    remedy: 'Find out why what is called is slow, or raise the limit. See [resilience](resilience.md).',
    retryable: 'maybe',
    retry: 'Only what may be repeated.',
    errorClass: 'NexusError',
  },
  NEXUS_ABORTED: {
    causes: 'The AbortSignal of a call through a policy was aborted while it waited; the reason is the cause.',
    remedy: 'Nothing: the caller wanted that.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_CIRCUIT_OPEN: {
    causes: 'What the circuit breaker guards failed too often; nothing was called now.',
    remedy: 'Wait for `data.retryAfterMs`, or fall back. Look at what it guards.',
    retryable: 'yes',
    retry: 'After `data.retryAfterMs`. Nothing was called.',
    errorClass: 'NexusError',
  },
  NEXUS_BULKHEAD_FULL: {
    causes: 'As many calls as the bulkhead allows are under way, and its queue is full (`data.reason`: `queueFull`) or its wait too long (`queueTimeout`).',
    remedy: 'Slow down, fall back, or raise `concurrencyMax` or `queueMax`.',
    retryable: 'yes',
    retry: 'After a pause. Nothing was called.',
    errorClass: 'NexusError',
  },
  NEXUS_EXPECTATION_FAILED: {
    causes: 'Testing kit: a probe did not receive what the test expected.',
    remedy: '`data.received` and the message list all it has received.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_NODE_STATE: {
    causes: 'Testing kit: a node that is down was to be crashed, paused, resumed or used, or one that runs was to be started.',
    remedy: 'Ask for its status first, or `restart` it: that starts a new process whether or not the last one has ended.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_NODE_UNKNOWN: {
    causes: 'Testing kit: a test names a node that its cluster does not have.',
    remedy: 'Names are those given in `nodes`, or `node-1`, `node-2` and so on.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_NEVER_QUIET: {
    causes:
      'Testing kit: something sends or repeats for ever, or waits for what cannot come, so that a test nexus or a manual clock did not come to the point it was driven to.',
    remedy: 'The message names the agents that wait and the last steps. Answer what is waited for, or raise `stepsMax`, `timersMax` or `withinMs`.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_HISTORY_INVALID: {
    causes: 'Testing kit: a line of a log is no operation, an end comes without its call, or a process calls twice at a time.',
    remedy: 'Correct the line that the message names. Give `keyed` (`nexus check --model map`) if the values are pairs of a key and a value, and only then.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_SIMULATION_FAILED: {
    causes: 'Testing kit: with this seed, or this plan, an invariant was violated, a function of the simulation threw, or the nodes did not agree in the end.',
    remedy: 'Run the command at the end of the message: it does the same again. `nexus sim --shrink` makes the plan smaller, `--diagram` draws what happened.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_TEST_LEFTOVERS: {
    causes: 'Testing kit: a test left agents, timers, asks or handlers behind.',
    remedy: 'Stop or answer what the message names; `data` counts them.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
} satisfies Partial<Record<ErrorCode, ErrorEntry>>;
