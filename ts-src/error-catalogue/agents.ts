/** Entries of the catalogue: agents and messages. Read by `catalogue.ts` only. */
import type { ErrorCode } from '../errors.js';
import type { ErrorEntry } from './entry.js';

export const AGENTS = {
  NEXUS_AGENT_NOT_FOUND: {
    causes: 'The agent ended, its kind has no such id, or nothing is stored of a durable one.',
    remedy: 'Get a new reference with `find` or `getOrSpawn`; `ctx.watch` tells an agent of the end of another.',
    retryable: 'maybe',
    retry: 'With a new reference. The message was not handled.',
    errorClass: 'NexusError',
  },
  NEXUS_AGENT_STOPPED: {
    causes:
      'The agent was stopped or failed while the message waited. Or a handler whose own agent has ended or restarted meanwhile wanted to ask or spawn; or the AbortSignal `ctx.signal` ended for that.',
    remedy: 'Send it to the successor, if there is one (`getOrSpawn`). In a handler: stop when `ctx.signal` is aborted.',
    retryable: 'maybe',
    retry: 'The message was not handled: it may be sent to a successor.',
    errorClass: 'NexusError',
  },
  NEXUS_START_FAILED: {
    causes: 'The state factory or the `onStart` hook threw, or waited for something that failed. The id is free again.',
    remedy: 'The cause is the error. Fix it.',
    retryable: 'maybe',
    retry: 'If the cause may go away, such as a database that was not there.',
    errorClass: 'NexusError',
  },
  NEXUS_INTENSITY_EXCEEDED: {
    causes: 'A child of a supervisor (or a service of a thread) failed more often than `intensity` within `periodMs` allows.',
    remedy:
      'The cause is the last failure; `data.child` names the child. Raise `intensity` only if such failures are to be expected. See [supervision](supervision.md).',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_SUPERVISION_CYCLE: {
    causes: 'A supervisor has itself among its own children, or supervisors are nested more than 64 deep.',
    remedy: '`data.chain` is the chain, which the message shows. Take the supervisor out of its own children.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_CHILD_UNKNOWN: {
    causes: '`restartChild`, `terminateChild` or `deleteChild` with an id that the supervisor does not have: misspelt, or deleted.',
    remedy: 'Ask it for its `children`.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_CHILD_RUNNING: {
    causes: '`restartChild` or `deleteChild` of a child that runs, or is about to be started again.',
    remedy: 'Terminate it first.',
    retryable: 'maybe',
    retry: 'Once the child has been terminated.',
    errorClass: 'NexusError',
  },
  NEXUS_LINK_FAILED: {
    causes: 'An agent that this one is linked to has failed; the cause is its error, `data.id` the agent.',
    remedy: 'Nothing: that is what links are for. Unlink it, or give the agent a supervisor that starts it again.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_SPAWN_TIMEOUT: {
    causes:
      'The `onStart` hook, the thread, or the end of the agent that has the id takes longer than `timeoutMs` (default 30,000). If the agent starts later it is stopped.',
    remedy: 'Find out what the start waits for, or raise `timeoutMs`.',
    retryable: 'maybe',
    retry: 'The id is free once the late start has been stopped; use `getOrSpawn`.',
    errorClass: 'NexusError',
  },
  NEXUS_STOP_TIMEOUT: {
    causes: 'A handler or the `onStop` hook still runs when the time is over, often waiting for something without a limit.',
    remedy: 'The agent ends when that finishes: give what it waits for a time limit, or raise `timeoutMs`.',
    retryable: 'maybe',
    retry: 'Stopping again waits for the same end.',
    errorClass: 'NexusError',
  },
  NEXUS_ASK_TIMEOUT: {
    causes:
      "The agent is busy, its thread is blocked, its handler waits for something slow or never replies; or, where `data.deadline` is `caller`, whoever asked the asking agent gave up (`ctx.deadlineMs`). `data.waiting` says what is known of the target: its thread, that thread's state, messages that wait there.",
    remedy: 'Find out why the agent is slow, or raise `timeoutMs`; in the second case that of the first ask.',
    retryable: 'maybe',
    retry: 'Only an action that may be repeated: the message may still be handled.',
    errorClass: 'NexusError',
  },
  NEXUS_ASK_ABORTED: {
    causes: 'The AbortSignal given to the ask was aborted; its reason is the cause.',
    remedy: 'Nothing: the caller wanted that.',
    retryable: 'no',
    retry: 'The message may still be handled.',
    errorClass: 'NexusError',
  },
  NEXUS_ASKS_TOO_MANY: {
    causes: '1,048,576 asks of this thread wait for replies: a loop asks without waiting.',
    remedy: 'Wait for some before asking more, or use `tell`.',
    retryable: 'yes',
    retry: 'When some of the asks have been answered. Nothing was sent.',
    errorClass: 'NexusError',
  },
  NEXUS_GROUP_EMPTY: {
    causes: 'No member has been started yet, all have ended, this thread has not heard of one yet, or the name is misspelt (`data.suggestion`).',
    remedy: 'Start some, or wait for them.',
    retryable: 'maybe',
    retry: 'When members have joined. Nothing was sent.',
    errorClass: 'NexusError',
  },
  NEXUS_GROUP_FULL: {
    causes: 'The group has 100,000 members, or the agent is in 100 groups. It has not joined.',
    remedy: 'Spread the agents over more groups.',
    retryable: 'maybe',
    retry: 'When members have left.',
    errorClass: 'NexusError',
  },
  NEXUS_QUORUM_FAILED: {
    causes: 'Too many members failed, were lost, or did not reply within `timeoutMs` of a gathering.',
    remedy: '`data` has `replies`, `failures` and `missing`: take what there is, raise `timeoutMs`, or need fewer.',
    retryable: 'maybe',
    retry: 'Only an action that may be repeated: some members have handled it.',
    errorClass: 'NexusError',
  },
  NEXUS_MAILBOX_FULL: {
    causes:
      'The agent gets messages faster than it handles them, and its mailbox has `data.capacity` of them; with overflow `dropOldest` or `dropNewest` the one that was dropped says so.',
    remedy:
      'Slow down (`offer` waits for room), raise `mailbox.capacity` of the definition, choose another `mailbox.overflow`, or spread the work over a group.',
    retryable: 'yes',
    retry: 'After a pause. The message was not handled.',
    errorClass: 'NexusError',
  },
  NEXUS_BACKPRESSURE: {
    causes: 'The thread of the agent takes messages more slowly than this one sends them: the ring between them is full, and a mebibyte waits for room in it.',
    remedy: 'Slow down; raise `memory.ringBytes` for bursts; look whether that thread is blocked.',
    retryable: 'yes',
    retry: 'After a pause. The message was not sent.',
    errorClass: 'NexusError',
  },
  NEXUS_MESSAGE_TOO_LARGE: {
    causes: 'A message or reply over `messages.bytesMax` when encoded, an `init` over 64 KiB, a stored state over 64 MiB.',
    remedy: 'Send less, or a reference to it; raise `messages.bytesMax`.',
    retryable: 'no',
    errorClass: 'NexusError or NexusTypeError',
  },
  NEXUS_MESSAGE_CORRUPT: {
    causes: 'Foreign code wrote into the shared memory, or there is a defect in Nexus.',
    remedy: 'Please report it, with the message.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_TABLE_FULL: {
    causes: 'As many agents live as `memory.agentsMax` allows: they are spawned and never stopped.',
    remedy: 'Stop agents that are not needed (durable ones passivate by themselves), or raise `memory.agentsMax`.',
    retryable: 'maybe',
    retry: 'When agents have ended.',
    errorClass: 'NexusError',
  },
  NEXUS_STOPPED: {
    causes: 'A call after `nexus.stop()`, or an ask that still waited when it came.',
    remedy: 'Nothing; stop what calls before the nexus.',
    retryable: 'no',
    retry: 'In this process; another one may serve it.',
    errorClass: 'NexusError',
  },
  NEXUS_ESCALATED: {
    causes: 'An agent without a parent failed, its directive is `escalate`, and nobody listens to `escalated`. The cause is its error.',
    remedy: 'Listen to `escalated`, give the agent a supervisor, or choose another directive.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_MIGRATION_REFUSED: {
    causes: 'The state of the agent holds what cannot be sent, it stays busy, its end has been asked for, or that thread lacks its code or was lost.',
    remedy: '`data.reason` says which, with the path of what cannot be sent. It goes on where it is (`data.thread`): give it more time, or leave it.',
    retryable: 'maybe',
    retry: 'If the agent was busy or the thread was lost.',
    errorClass: 'NexusError',
  },
} satisfies Partial<Record<ErrorCode, ErrorEntry>>;
