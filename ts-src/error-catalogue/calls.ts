/** Entries of the catalogue: mistakes in calls and definitions. Read by `catalogue.ts` only. */
import type { ErrorCode } from '../errors.js';
import type { ErrorEntry } from './entry.js';

export const CALLS = {
  NEXUS_OPTION_INVALID: {
    causes: 'An argument of the wrong type; a number outside its range; an empty or overlong id, name or topic; a value that another option rules out.',
    remedy: 'The message names the option, the value it has, and what it may be. Correct the call.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_OPTION_UNKNOWN: {
    causes: 'A misspelt option, event or field, or one of another version or another call.',
    remedy: 'The message suggests the nearest name (`data.suggestion`) and lists all there are (`data.known`).',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_DEFINITION_INVALID: {
    causes:
      'A field of `defineAgent`, `defineSkill`, `defineSensor` or `defineSupervisor`, of a shape, or of the specification of a child that is misspelt, missing, or of another type.',
    remedy: 'The message names the definition and the field.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_KIND_DUPLICATE: {
    causes: 'Two modules in `agents` define the same `kind`, often one copied from the other.',
    remedy: 'Rename one: a kind is unique in a nexus. The message names both modules.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_KIND_UNKNOWN: {
    causes:
      'The module that exports the definition is not in `agents` of `createNexus`; the definition was given itself, so that only the calling thread has its code; the name is misspelt.',
    remedy: 'Export the definition from a module in `agents`. `data.known` has the kinds there are.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_KIND_MISMATCH: {
    causes: '`find` or `getOrSpawn` with the definition of one kind and the id of an agent of another.',
    remedy: 'Ids are unique over all kinds: prefix them by kind.',
    retryable: 'no',

    errorClass: 'NexusError',
  },
  NEXUS_ID_DUPLICATE: {
    causes: '`spawn` twice with the same id, also by two threads at once; the end of the agent that had the id was not waited for.',
    remedy: '`getOrSpawn`, or another id, or wait for `stop`.',
    retryable: 'maybe',
    retry: 'Once the agent that has the id has ended.',
    errorClass: 'NexusError',
  },
  NEXUS_ACTION_UNKNOWN: {
    causes: 'A misspelt action, or one of another kind.',
    remedy: 'The message suggests the nearest name and lists the actions there are (`data.known`).',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_NOT_CLONEABLE: {
    causes:
      'A function, symbol, promise, class instance with hidden state or a reference of another nexus in a message, a reply, `init` or the state of an agent that is stored or moves.',
    remedy: 'The message names the path to it inside the value. Send data; leave out the rest.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_SHAPE_MISMATCH: {
    causes: 'The input or the reply has another type than `input` or `reply` of its action declares.',
    remedy:
      'The message names the field, its value and what was declared; `data.part` says whether it is the `input` or the `reply`. Nothing was sent. See [shapes](shapes.md).',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_INPUT_INVALID: {
    causes: 'The schema (zod, valibot, ...) of the action refused the input.',
    remedy: '`data.issues` lists path and message of each issue. Send what the action takes; the agent has not failed. See [levels](levels.md).',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_STATE_INVALID: {
    causes: '`validateState` refused the state that an update, a decision or the start of an agent led to.',
    remedy: '`data.issues` says why. The old state stays: send what leads to a state that may be.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_STATE_CHANGED: {
    causes: 'A query, an update or a decision assigned to the state it was given; this is watched in development.',
    remedy: 'Return the next state (`{ ...state, count: 1 }`), and leave the given one as it is.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_DECISION_INVALID: {
    causes: 'A decision, an update or a query returned a promise, no state, an unknown effect, or two replies.',
    remedy: 'The message says which. Write what has to wait as an action with a handler.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_SKILL_UNKNOWN: {
    causes: 'A handler asked for the slice of a skill that its agent does not have.',
    remedy: 'Add the skill to `skills` of the definition, or correct the name.',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_EVENT_INVALID: {
    causes: 'A value given to `fromCloudEvent`, or sent to the gateway, lacks `specversion`, `id`, `source` or `type`, or has an attribute of another form.',
    remedy: '`data.attribute` names the attribute, `data.index` the event of a batch. See [signals](signals.md).',
    retryable: 'no',
    errorClass: 'NexusTypeError',
  },
  NEXUS_MODULE_FAILED: {
    causes: 'A module in `agents` does not exist, has a syntax error, or throws while it is imported.',
    remedy: 'The message holds its file and its error, which is also the cause. Fix the module.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_MODULE_EMPTY: {
    causes: 'A module in `agents` exports no agent definition: a missing `export`, or the wrong file.',
    remedy: 'Export what `defineAgent` returns.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_MODULE_MISMATCH: {
    causes: 'A module defines other kinds, actions or shapes on a worker than on the calling thread: it looks at `isMainThread`, the time, the environment.',
    remedy: 'Define the same on every thread.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
} satisfies Partial<Record<ErrorCode, ErrorEntry>>;
