/**
 * Before an agent starts on this node, the newest of what is stored of it anywhere comes into the store of this node. Nobody is asked where this node has been given all there is of the partition; else all members are, until one that
 * has says what there is, or all have said what they have. A member that does not answer is waited for until it is removed: it may have what nobody else has.
 */
import { type ErrorCode, NexusError } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import type { StateVersion, StorageWrite } from '../../ports/storage.js';
import { type CopyAnswer, type CopyCall, isNewer } from '../../protocols/copies/copy-messages.js';
import { bytesOf } from '../../protocols/copies/copy-stream.js';
import type { CopyPeers } from './copy-peers.js';
import type { CopyStore } from './copy-store.js';

/** Agents in one question. */
const WANTED_MAX = 64;
/** Bytes of states in one answer, of which the first is always in it; what does not fit is asked for again. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const NONE: StateVersion = { token: 0, revision: 0 };

export interface StateFetchingNeeds {
  readonly peers: Pick<CopyPeers, 'call' | 'nodes'>;
  readonly store: CopyStore;
  readonly logger: Logger;
  view(): number;
  /** This node has all there is of the partition of that id. */
  isSynchronised(id: string): boolean;
}

interface Wanted {
  readonly kind: string;
  readonly id: string;
  readonly version: StateVersion;
  readonly asked: Set<string>;
  readonly waiting: Set<string>;
  newest: { readonly version: StateVersion; readonly writes: readonly StorageWrite[] } | undefined;
  isDone: boolean;
  done(): void;
}

export class StateFetching {
  readonly #needs: StateFetchingNeeds;
  readonly #open = new Set<Wanted>();
  #isAskScheduled = false;
  /** Agents for which others were asked, since the start, and those that were newer elsewhere. */
  asked = 0;
  fetched = 0;

  constructor(needs: StateFetchingNeeds) {
    this.#needs = needs;
  }

  get waiting(): number {
    return this.#open.size;
  }

  /** Rejects if what was found cannot be stored: NEXUS_STORE_FULL, NEXUS_STORE_FAILED. */
  async fetch(kind: string, id: string): Promise<void> {
    const { store, isSynchronised } = this.#needs;
    if (isSynchronised(id)) return;
    this.asked++;
    const { token, revision } = store.versionOf(kind, id) ?? NONE;
    const wanted = await new Promise<Wanted>((resolve) => {
      const own: Wanted = {
        ...{ kind, id, version: { token, revision }, asked: new Set(), waiting: new Set(), newest: undefined, isDone: false },
        done: () => resolve(own),
      };
      this.#open.add(own);
      this.#askSoon();
    });
    if (wanted.newest === undefined) return store.caughtUp(id);
    const [result] = await store.store([{ kind, id, mode: 'given', writes: wanted.newest.writes }]);
    if (result !== undefined) throw new NexusError(result.code as ErrorCode, result.message, { data: { kind, id } });
    store.caughtUp(id);
    this.fetched++;
  }

  /** New members may have something, too; and this node may have all by now. */
  ringChanged(): void {
    if (this.#open.size > 0) this.#askSoon();
  }

  /** Undefined: the store could not be read, and may be at the next attempt. */
  answer(wanted: Extract<CopyCall, { readonly type: 'fetch' }>['wanted']): CopyAnswer | undefined {
    const { isSynchronised } = this.#needs;
    const found: Extract<CopyAnswer, { readonly type: 'fetched' }>['found'][number][] = [];
    let bytes = 0;
    for (const { kind, id, ...version } of wanted) {
      const own = this.#newerThan(kind, id, version);
      // Whoever asks for it must not begin without it. What is not answered is asked again.
      if (own === 'later') break;
      bytes += own === undefined || own === 'unreadable' ? 0 : bytesOf({ kind, id, mode: 'given', writes: own.writes });
      if (bytes > ANSWER_BYTES_MAX && found.length > 0) break;
      // What this node cannot read, another one may have.
      if (own === 'unreadable') found.push({ isSynchronised: false, version: undefined, writes: undefined });
      else found.push({ isSynchronised: isSynchronised(id), version: own?.version, writes: own?.writes });
    }
    return found.length === 0 && wanted.length > 0 ? undefined : { type: 'fetched', found };
  }

  #newerThan(
    kind: string,
    id: string,
    version: StateVersion,
  ): { readonly version: StateVersion; readonly writes: readonly StorageWrite[] } | 'unreadable' | 'later' | undefined {
    const { store, logger } = this.#needs;
    try {
      const known = store.versionOf(kind, id);
      if (known === undefined || !isNewer(known.token === 0 ? { token: 1, revision: 0 } : known, version)) return undefined;
      const writes = store.whole(kind, id);
      return writes && { version: { token: known.token, revision: known.revision }, writes };
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'NEXUS_STORE_CORRUPT') {
        logger.warn({ error, kind, id }, 'a copy of durable state could not be read, and is given to another node later');
        return 'later';
      }
      logger.error({ error, kind, id }, 'a copy of durable state cannot be read, and is not given to another node');
      return 'unreadable';
    }
  }

  #askSoon(): void {
    if (this.#isAskScheduled) return;
    this.#isAskScheduled = true;
    queueMicrotask(() => {
      this.#isAskScheduled = false;
      for (const node of this.#needs.peers.nodes) this.#ask(node);
      for (const wanted of this.#open) this.#look(wanted);
    });
  }

  #ask(node: NodeIdentity): void {
    const key = nodeKey(node);
    const wanted = [...this.#open].filter(({ asked }) => !asked.has(key));
    for (let from = 0; from < wanted.length; from += WANTED_MAX) {
      const some = wanted.slice(from, from + WANTED_MAX);
      for (const { asked, waiting } of some) {
        asked.add(key);
        waiting.add(key);
      }
      const call: CopyCall = { type: 'fetch', view: this.#needs.view(), wanted: some.map(({ kind, id, version }) => ({ kind, id, ...version })) };
      void this.#needs.peers.call(node, call).then((answer) => this.#answered(key, some, answer));
    }
  }

  #answered(node: string, wanted: readonly Wanted[], answer: CopyAnswer | undefined): void {
    for (const [at, each] of wanted.entries()) {
      each.waiting.delete(node);
      // There was no room for it in the answer.
      if (answer?.type === 'fetched' && at >= answer.found.length) {
        each.asked.delete(node);
        this.#askSoon();
        continue;
      }
      const found = answer?.type === 'fetched' ? answer.found[at] : undefined;
      const { version, writes } = found ?? {};
      if (version != null && writes != null && (each.newest === undefined || isNewer(version, each.newest.version))) each.newest = { version, writes };
      if (found?.isSynchronised === true) each.waiting.clear();
      this.#look(each);
    }
  }

  #look(wanted: Wanted): void {
    if (wanted.isDone || (wanted.waiting.size > 0 && !this.#needs.isSynchronised(wanted.id))) return;
    wanted.isDone = true;
    this.#open.delete(wanted);
    wanted.done();
  }
}
