/**
 * States, events and inputs of reminders as bytes, and back: what is read from the store becomes the state of an agent that starts. A reference in them is kept by the name
 * of its kind and its id, because addresses mean nothing to another process. Calls `upgrade` and `apply` of definitions; does no I/O but reads.
 */
import type { ReferenceCodec } from '../../codec/reference-codec.js';
import { ValueDecoder } from '../../codec/value-decoder.js';
import { ValueEncoder } from '../../codec/value-encoder.js';
import { NexusError, NexusTypeError, optionError, quoted } from '../../errors.js';
import { STORED_VALUE_BYTES_MAX, type StoredAgent, type ThreadStorage } from '../../ports/storage.js';
import type { AgentReference } from '../agent-reference.js';
import type { Kind, KindRegistry } from '../kind.js';
import { messageOf } from '../lifecycle.js';
import { isThenable } from '../promised.js';
import type { DurableRecord } from './durable-record.js';

/** Stored bytes of an agent in memory that are kept for comparison. */
const KEPT_BYTES_MAX = 4096;
const SEPARATOR = '\0';

export interface StoredStateNeeds {
  readonly kinds: KindRegistry;
  readonly storage: ThreadStorage;
  isReference(value: object): value is AgentReference;
  /** The live agent of this kind and id, or one that is not in memory. */
  referenceTo(kind: Kind, id: string): AgentReference;
}

export class StoredStates {
  readonly #storage: ThreadStorage;
  readonly #encoder: ValueEncoder;
  readonly #decoder: ValueDecoder;

  constructor({ kinds, storage, isReference, referenceTo }: StoredStateNeeds) {
    this.#storage = storage;
    const references: ReferenceCodec = {
      isReference,
      describe: (value) => {
        const reference = value as AgentReference;
        return { slot: 0, generation: 0, kind: 0, id: `${reference.kind}${SEPARATOR}${reference.id}` };
      },
      restore: (_slot, _generation, _kind, name = '') => {
        const at = name.indexOf(SEPARATOR);
        return referenceTo(kinds.byName(name.slice(0, at)), name.slice(at + 1));
      },
    };
    this.#encoder = new ValueEncoder(references, { shapes: false });
    this.#decoder = new ValueDecoder(references);
  }

  /** @throws NexusTypeError NEXUS_NOT_CLONEABLE, NexusError NEXUS_MESSAGE_TOO_LARGE */
  encode(value: unknown, what: () => string): Uint8Array {
    try {
      return this.#encoder.encodeToScratch(value, 0, STORED_VALUE_BYTES_MAX).slice();
    } catch (error) {
      if (error instanceof NexusTypeError) {
        const explained = new NexusTypeError(error.code, `${what()} cannot be stored: ${error.message.replace(/^message/, 'it')}`, error.data);
        Object.defineProperty(explained, 'cause', { value: error, configurable: true, writable: true });
        throw explained;
      }
      if (error instanceof NexusError)
        throw new NexusError(
          error.code,
          `${what()} cannot be stored: it takes more than ${STORED_VALUE_BYTES_MAX} bytes; keep less in it, or spread it over agents`,
          {
            cause: error,
            data: { bytesMax: STORED_VALUE_BYTES_MAX },
          },
        );
      throw error;
    }
  }

  decode(bytes: Uint8Array): unknown {
    return this.#decoder.decode(bytes, 0, bytes.length);
  }

  /**
   * The state of an agent that starts, from what is stored of it; undefined if nothing is. Sets the counts of the record.
   * @throws NexusError NEXUS_STORE_CORRUPT, NEXUS_STORE_VERSION, NEXUS_UPGRADE_FAILED, with kind and id. What is stored stays as it is.
   */
  load(kind: Kind, record: DurableRecord): { readonly state: unknown } | undefined {
    const stored = this.#storage.load(kind.name, record.id);
    record.isNew = stored === undefined;
    if (stored === undefined) {
      record.needsSnapshot = true;
      record.storedState = undefined;
      return undefined;
    }
    const version = Math.max(stored.snapshot?.schemaVersion ?? 0, ...stored.events.map((event) => event.schemaVersion));
    const { schemaVersion } = record.options;
    if (version > schemaVersion) {
      throw new NexusError(
        'NEXUS_STORE_VERSION',
        `the stored state of ${kind.name} ${quoted(record.id)} has version ${version}, and this program knows versions up to ${schemaVersion}; it was left as it is: run the newer program`,
        { data: { kind: kind.name, id: record.id, stored: version, known: schemaVersion } },
      );
    }
    const base = this.#base(kind, record, stored);
    record.storedState = stored.snapshot !== undefined && stored.snapshot.schemaVersion === schemaVersion ? kept(stored.snapshot.state) : undefined;
    record.snapshotSequence = stored.snapshot?.sequence ?? 0;
    record.sequence = stored.events.at(-1)?.sequence ?? record.snapshotSequence;
    record.needsSnapshot = stored.snapshot?.schemaVersion !== schemaVersion;
    return { state: this.#replay(kind, record, base, stored) };
  }

  #base(kind: Kind, record: DurableRecord, stored: StoredAgent): unknown {
    const { snapshot } = stored;
    if (snapshot === undefined) return kind.definition?.state(undefined);
    const state = this.#read(kind, record, snapshot.state, 'the stored state');
    const { schemaVersion, upgrade } = record.options;
    if (snapshot.schemaVersion === schemaVersion) return state;
    const failed = (why: string, cause?: unknown): NexusError =>
      new NexusError(
        'NEXUS_UPGRADE_FAILED',
        `the stored state of ${kind.name} ${quoted(record.id)} could not be upgraded from version ${snapshot.schemaVersion} to ${schemaVersion}: ${why}; it was left as it is`,
        { cause, data: { kind: kind.name, id: record.id, fromVersion: snapshot.schemaVersion, toVersion: schemaVersion } },
      );
    if (upgrade === undefined) throw failed('the definition has no durable.upgrade');
    let upgraded: unknown;
    try {
      upgraded = upgrade(state, snapshot.schemaVersion);
    } catch (error) {
      throw failed(messageOf(error), error);
    }
    if (isThenable(upgraded)) throw failed('durable.upgrade returned a promise; it must be synchronous');
    // Mostly a forgotten `return`, and what it would be stored over is gone.
    if (upgraded === undefined) throw failed('durable.upgrade returned undefined; it must return the state');
    return upgraded;
  }

  #replay(kind: Kind, record: DurableRecord, base: unknown, stored: StoredAgent): unknown {
    let state = base;
    for (const event of stored.events) {
      if (record.options.apply === undefined) {
        throw new NexusError(
          'NEXUS_UPGRADE_FAILED',
          `${kind.name} ${quoted(record.id)} has stored events, and its definition has no durable.apply any more: put it back`,
          {
            data: { kind: kind.name, id: record.id },
          },
        );
      }
      const value = this.#read(kind, record, event.event, `the stored event ${event.sequence}`);
      state = applied(record, state, value);
    }
    return state;
  }

  #read(kind: Kind, record: DurableRecord, bytes: Uint8Array, what: string): unknown {
    try {
      return this.decode(bytes);
    } catch (cause) {
      throw new NexusError(
        'NEXUS_STORE_CORRUPT',
        `${what} of ${kind.name} ${quoted(record.id)} cannot be read: ${messageOf(cause)}; it was left as it is: restore a backup`,
        {
          cause,
          data: { kind: kind.name, id: record.id },
        },
      );
    }
  }
}

/** The state after an event: what `apply` returned, or the state it changed. */
export function applied(record: DurableRecord, state: unknown, event: unknown): unknown {
  const next = record.options.apply?.(state, event);
  if (isThenable(next)) throw optionError('durable.apply', 'returned a promise; it must be synchronous');
  return next === undefined ? state : next;
}

/** Bytes to compare the next encoding with. */
export function kept(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length <= KEPT_BYTES_MAX ? bytes : undefined;
}
