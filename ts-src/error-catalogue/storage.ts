/** Entries of the catalogue: storage. Read by `catalogue.ts` only. */
import type { ErrorCode } from '../errors.js';
import type { ErrorEntry } from './entry.js';

export const STORAGE = {
  NEXUS_STORE_UNAVAILABLE: {
    causes: 'The package `lmdb` is not installed or does not load; the storage is that of the testing kit and there are workers; the nexus has none.',
    remedy: '`npm install lmdb`, `threads: 0`, or `storage: { path }` for `createNexus`.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_STORE_FOREIGN: {
    causes: 'There is a file, another database, or a directory with other files at the path. It was left as it is.',
    remedy: 'Choose another path, or an empty directory.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_STORE_VERSION: {
    causes:
      'The store was written by a newer version of Nexus; or the state of an agent (`data.kind`, `data.id`) by a newer version of its definition, as after a roll-back. It was left as it is.',
    remedy: 'Use that version; the message names both.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_STORE_CORRUPT: {
    causes:
      'A file was cut off, or changed by something else; a record of `data.kind` and `data.id` does not have its checksum. It was left as it is and is never returned as data.',
    remedy: 'Restore a backup. The other agents of the store can be used if only a record is affected.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_STORE_LOCKED: {
    causes: 'Another process, or another nexus of this one, has the store open (`data.pids`).',
    remedy: 'Stop it, or use another path. After a crash nothing is left to clean up.',
    retryable: 'maybe',
    retry: 'When the other has closed it.',
    errorClass: 'NexusError',
  },
  NEXUS_UPGRADE_FAILED: {
    causes:
      'The stored state has an older version, and `durable.upgrade` of its kind failed, is missing, or returned no state. The agent does not start; what is stored was left as it is.',
    remedy: 'Correct `upgrade`: the message names kind, id and versions, the cause is its error.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_STORE_FULL: {
    causes: 'The disk is full, or the store has its largest size. Nothing of the batch was stored; what was stored before is there.',
    remedy: 'Make room and write again: the store goes on working.',
    retryable: 'yes',
    retry: 'When there is room. Nothing was stored.',
    errorClass: 'NexusError',
  },
  NEXUS_STORE_FAILED: {
    causes:
      'The parent directory is missing or not writable, a write failed, too much waits to be written, or the store is closed. Nothing of a batch that failed was stored. In a cluster: a node that holds a copy cannot store it, or had not acknowledged it when this one stopped.',
    remedy: 'The cause is the error of the system; `data.path` names the store. Where it is about copies the message names their nodes.',
    retryable: 'maybe',
    retry: 'If the cause goes away. Nothing was stored.',
    errorClass: 'NexusError',
  },
} satisfies Partial<Record<ErrorCode, ErrorEntry>>;
