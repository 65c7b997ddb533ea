/**
 * The copies that this node keeps for others, in its own store: what comes is stored, unless the store knows of a later activation, and what is there is read for whoever lacks it. Has a thread of the store for itself, so that a
 * copy that cannot be stored fails nothing else.
 */
import { NexusError } from '../../errors.js';
import type { StateVersion, StorageWrite, StoredVersion, ThreadStorage } from '../../ports/storage.js';
import { type CopyItem, type CopyResult, type Holding, isNewer } from '../../protocols/copies/copy-messages.js';

const NO_VERSION: StateVersion = { token: 0, revision: 0 };
/** What was stored before there were tokens is older than whatever has one. */
const FIRST_TOKEN = 1;
/** Agents of which it is known that a write is missing here; with more, it is taken of all. */
const BEHIND_MAX = 65_536;

export interface CopyStoreNeeds {
  readonly storage: ThreadStorage;
  /** A reminder has come, or has gone. */
  reminderStored(dueEpochMs: number): void;
}

export class CopyStore {
  readonly #needs: CopyStoreNeeds;
  /** Ids of agents of which a write could not be stored here, and nothing whole since: others have what this node has not. */
  readonly #behind = new Set<string>();
  #isAllBehind = false;

  constructor(needs: CopyStoreNeeds) {
    this.#needs = needs;
  }

  get storage(): ThreadStorage {
    return this.#needs.storage;
  }

  versionOf(kind: string, id: string): StoredVersion | undefined {
    return this.#needs.storage.versionOf(kind, id);
  }

  /** Whether a write of this agent is missing here, as far as this node knows. */
  isBehind(id: string): boolean {
    return this.#isAllBehind || this.#behind.has(id);
  }

  /** What is here of this agent is the newest that there is. */
  caughtUp(id: string): void {
    this.#behind.delete(id);
  }

  /** One transaction, but for those that are refused. Never rejects. */
  async store(items: readonly CopyItem[]): Promise<readonly CopyResult[]> {
    const results = await this.#store(items);
    for (const [at, result] of results.entries()) if (result !== undefined && result.code !== 'NEXUS_TOKEN_STALE') this.missed((items[at] as CopyItem).id);
    return results;
  }

  /** A write of this agent could not be stored here, and others may have it. */
  missed(id: string): void {
    if (this.#behind.size < BEHIND_MAX) this.#behind.add(id);
    else this.#isAllBehind = true;
  }

  async #store(items: readonly CopyItem[]): Promise<readonly CopyResult[]> {
    const results: CopyResult[] = new Array(items.length).fill(undefined);
    let left: number[];
    try {
      left = [...items.keys()].filter((at) => this.#isWanted(items[at] as CopyItem));
    } catch (error) {
      return results.fill(resultOf(error));
    }
    while (left.length > 0) {
      const chosen = left.map((at) => items[at] as CopyItem);
      try {
        await this.#needs.storage.write(chosen.flatMap(({ writes }) => writes));
        for (const { id, writes } of chosen) {
          // What comes whole makes up for whatever was missing.
          if (writes[0]?.type === 'delete') this.#behind.delete(id);
          this.#tellReminders(writes);
        }
        return results;
      } catch (error) {
        const stale = staleAgent(error);
        if (stale === undefined) {
          for (const at of left) results[at] = resultOf(error);
          return results;
        }
        // A copy that was given, and has been overtaken here or in this batch, is as good as stored: it must not keep out what is newer.
        const given = left.filter((at) => isOf(items[at] as CopyItem, stale) && (items[at] as CopyItem).mode === 'given');
        const refused = given.length > 0 ? given : left.filter((at) => isOf(items[at] as CopyItem, stale));
        if (given.length === 0) for (const at of refused) results[at] = resultOf(error);
        left = left.filter((at) => !refused.includes(at));
      }
    }
    return results;
  }

  /** Of those, the ones that are here in a lower version or not at all. A version that cannot be read is replaced. */
  wants({ kind, id, ...version }: Holding): boolean {
    const own = this.#versionOrNone(kind, id);
    return own === undefined || isNewer(version, own);
  }

  /** All that is stored of an agent, for another node; undefined: nothing is known of it. @throws NexusError NEXUS_STORE_CORRUPT */
  whole(kind: string, id: string, version?: StateVersion): StorageWrite[] | undefined {
    const known = this.versionOf(kind, id);
    if (known === undefined) return undefined;
    const { token, revision } = known;
    const own = version ?? (token === 0 ? { token: FIRST_TOKEN, revision: 0 } : { token, revision });
    const { storage } = this.#needs;
    const writes: StorageWrite[] = [{ type: 'delete', kind, id, version: own, epochMs: known.deletedEpochMs ?? 0 }];
    const stored = storage.load(kind, id);
    if (stored?.snapshot !== undefined) writes.push({ type: 'snapshot', kind, id, snapshot: stored.snapshot, version: own });
    for (const event of stored?.events ?? []) writes.push({ type: 'event', kind, id, event, version: own });
    for (const reminder of storage.remindersOf(kind, id)) writes.push({ type: 'setReminder', reminder, version: own });
    return writes;
  }

  #isWanted({ kind, id, mode, writes }: CopyItem): boolean {
    if (mode === 'live') return true;
    const [first] = writes;
    const version = first === undefined || first.type === 'fence' || first.type === 'drop' ? undefined : first.version;
    return version !== undefined && this.wants({ kind, id, ...version });
  }

  #versionOrNone(kind: string, id: string): StateVersion | undefined {
    try {
      return this.versionOf(kind, id);
    } catch (error) {
      if (error instanceof NexusError && error.code === 'NEXUS_STORE_CORRUPT') return NO_VERSION;
      throw error;
    }
  }

  #tellReminders(writes: readonly StorageWrite[]): void {
    for (const write of writes) if (write.type === 'setReminder') this.#needs.reminderStored(write.reminder.dueEpochMs);
  }
}

function isOf({ kind, id }: CopyItem, agent: { readonly kind: string; readonly id: string }): boolean {
  return kind === agent.kind && id === agent.id;
}

function staleAgent(error: unknown): { readonly kind: string; readonly id: string } | undefined {
  return error instanceof NexusError && error.code === 'NEXUS_TOKEN_STALE' ? (error.data as { readonly kind: string; readonly id: string }) : undefined;
}

function resultOf(error: unknown): NonNullable<CopyResult> {
  const {
    code = 'NEXUS_STORE_FAILED',
    message,
    data,
  } = error as { readonly code?: string; readonly message: string; readonly data?: Readonly<Record<string, unknown>> };
  return { code, message, data };
}
