/**
 * Small facts that each node tells all others, such as which signals it wants and who of it is in which group: a map with one writer a node, as `runtime/replicated-entries.ts` is between threads. This is the
 * edge of it, on the calling thread: sends what `protocols/entries/` decides, at the end of the turn in which something changed, and tells whoever gives entries their meaning what other nodes say.
 *
 * What a node says is seen by the others soon, in the order in which it was said, and goes when the node leaves the view. Not here: what entries mean.
 */
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { Transport } from '../../ports/transport.js';
import { ENTRIES_MAX, ENTRY_BYTES_MAX, type EntriesHave, entriesMessageOf, KEY_LENGTH_MAX } from '../../protocols/entries/entries-messages.js';
import { HeardEntries, type HeardEffect } from '../../protocols/entries/heard-entries.js';
import { ToldEntries } from '../../protocols/entries/told-entries.js';
import { Channel } from '../channels.js';
import type { NodePart, NodeView } from '../node-parts.js';

/** Another node is told that this one knows what it said when all threads do, but no later than this: a thread that is blocked holds up nobody else. */
const THREADS_WAIT_MS = 100;

/** Each map of entries has a name, which is part of the protocol: a node ignores those that it does not know. */
export type NodeEntriesName = 'subscriptions' | 'groups' | 'loads' | 'threadLosses';

export interface NodeEntryChange {
  readonly node: NodeIdentity;
  readonly key: string;
  /** Undefined: the entry is gone. Anything else is what the other node says: to be looked at. */
  readonly value: unknown;
}

export interface NodeEntriesNeeds {
  readonly transport: Pick<Transport, 'send' | 'listen'>;
  readonly clock: Clock;
  readonly logger: Logger;
  self(): NodeIdentity;
  /** Resolves when all threads of this node know what it was told; undefined if they do. */
  threadsKnow(): Promise<unknown> | undefined;
}

interface Waiting {
  readonly version: number;
  readonly leavesOut: (node: NodeIdentity) => boolean;
  readonly resolve: () => void;
}

export class NodeEntries implements NodePart {
  readonly #needs: NodeEntriesNeeds;
  readonly #told = new ToldEntries();
  readonly #heard = new HeardEntries();
  readonly #listeners = new Map<string, (change: NodeEntryChange) => void>();
  readonly #members = new Map<string, NodeIdentity>();
  #waiting: Waiting[] = [];
  #isFlushing = false;
  #cancelTick: (() => void) | undefined;
  #isClosed = false;
  #saidFull = false;
  readonly #saidTooMany = new Set<string>();

  constructor(needs: NodeEntriesNeeds) {
    this.#needs = needs;
    needs.transport.listen(Channel.entries, ({ from, value }) => this.#received(from, value));
  }

  /** The one who gives entries of this name their meaning. Told of what other nodes say, not of what this one does. */
  listen(name: NodeEntriesName, listener: (change: NodeEntryChange) => void): void {
    this.#listeners.set(name, listener);
  }

  /** The other members that this node knows. */
  get members(): readonly NodeIdentity[] {
    return [...this.#members.values()];
  }

  /** Whether everything has been heard that a member had said at some time since it is one. */
  isComplete(node: NodeIdentity): boolean {
    return this.#heard.isComplete(node);
  }

  /** @param value plain data, not undefined. False if it is too large, or there are too many: said once in the log */
  put(name: NodeEntriesName, key: string, value: unknown): boolean {
    const told = `${name} ${key}`;
    const bytes = told.length + (typeof value === 'number' ? 8 : JSON.stringify(value).length);
    const isTaken = told.length <= KEY_LENGTH_MAX && bytes <= ENTRY_BYTES_MAX && this.#told.put(told, value, bytes);
    if (isTaken) this.#flushSoon();
    else if (!this.#saidFull) {
      this.#saidFull = true;
      const data = { entry: told.slice(0, 200), bytes, entriesMax: ENTRIES_MAX, bytesMax: ENTRY_BYTES_MAX };
      this.#needs.logger.warn(
        data,
        'this node has more to tell the others than there is room for: they do not know all of its subscriptions and members of groups',
      );
    }
    return isTaken;
  }

  delete(name: NodeEntriesName, key: string): void {
    this.#told.delete(`${name} ${key}`);
    this.#flushSoon();
  }

  /** Resolves when all other members know what this node has said so far, but those that `leavesOut` names; at once when it is closed. A member that does not answer is removed sooner or later. */
  settled(leavesOut: (node: NodeIdentity) => boolean = () => false): Promise<void> {
    if (this.#isClosed || this.#told.isKnown(this.#told.version, leavesOut)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ version: this.#told.version, leavesOut, resolve });
      this.#flushSoon();
    });
  }

  viewed({ members }: NodeView): void {
    const present = new Map(members.filter((node) => !sameNode(node, this.#needs.self())).map((node) => [nodeKey(node), identity(node)]));
    for (const [key, node] of [...this.#members]) {
      if (present.has(key)) continue;
      this.#members.delete(key);
      this.#told.left(node);
      this.#perform(this.#heard.left(node));
    }
    for (const [key, node] of present) {
      if (this.#members.has(key)) continue;
      this.#members.set(key, node);
      this.#heard.joined(node);
      this.#told.joined(node, this.#needs.clock.nowMs());
    }
    this.#settle();
    this.#flushSoon();
  }

  connected(node: NodeIdentity): void {
    this.#told.opened(node, this.#needs.clock.nowMs());
    this.#flushSoon();
  }

  disconnected(node: NodeIdentity): void {
    this.#told.refused(node, this.#needs.clock.nowMs());
    this.#flushSoon();
  }

  closed(): void {
    this.#isClosed = true;
    this.#cancelTick?.();
    this.#settle();
  }

  #received(from: NodeIdentity, value: unknown): void {
    const message = entriesMessageOf(value);
    if (message === undefined) return this.#needs.logger.warn({ node: from.name }, 'a node has said something about its entries that cannot be understood');
    if (message.type === 'part') return this.#perform(this.#heard.received(from, message));
    this.#told.confirmed(from, message, this.#needs.clock.nowMs());
    this.#settle();
    this.#flushSoon();
  }

  #perform(effects: readonly HeardEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'answer':
          this.#answer(effect.to, effect.message);
          break;
        case 'changed':
          this.#tell(effect.node, effect.key, effect.value);
          break;
        case 'complete':
          break;
        case 'refused':
          if (this.#saidTooMany.has(effect.node.name)) break;
          this.#saidTooMany.add(effect.node.name);
          this.#needs.logger.warn(
            { node: effect.node.name, entriesMax: ENTRIES_MAX },
            'a node tells more than a node may: the rest of its subscriptions and members of groups is not known here',
          );
      }
    }
  }

  #answer(to: NodeIdentity, message: EntriesHave): void {
    // One that is lost is made up for: the other node sends again.
    const send = (): unknown => this.#needs.transport.send(to, 'normal', { channel: Channel.entries, value: message });
    const known = message.isGap ? undefined : this.#needs.threadsKnow();
    if (known === undefined) return void send();
    let isSent = false;
    const answer = (): void => {
      cancel();
      if (!isSent) send();
      isSent = true;
    };
    const cancel = this.#needs.clock.after(THREADS_WAIT_MS, answer, false);
    known.then(answer, answer);
  }

  #tell(node: NodeIdentity, entry: string, value: unknown): void {
    const space = entry.indexOf(' ');
    try {
      this.#listeners.get(entry.slice(0, space))?.({ node, key: entry.slice(space + 1), value });
    } catch (error) {
      this.#needs.logger.error({ error, node: node.name, entry: entry.slice(0, 200) }, 'what another node said could not be taken in');
    }
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#isClosed) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#isClosed) return;
    const { transport, clock } = this.#needs;
    for (const { to, message } of this.#told.flush()) {
      const outcome = transport.send(to, 'normal', { channel: Channel.entries, value: message });
      if (outcome !== 'accepted') this.#told.refused(to, clock.nowMs());
    }
    this.#cancelTick?.();
    const { tickMs } = this.#told;
    if (tickMs === undefined) return;
    this.#cancelTick = clock.after(Math.max(1, tickMs - clock.nowMs()), () => this.#tick(), false);
  }

  #tick(): void {
    this.#told.tick(this.#needs.clock.nowMs());
    this.#flush();
  }

  #settle(): void {
    const before = this.#waiting;
    if (before.length === 0) return;
    this.#waiting = before.filter(({ version, leavesOut }) => !this.#isClosed && !this.#told.isKnown(version, leavesOut));
    for (const each of before) if (!this.#waiting.includes(each)) each.resolve();
  }
}

function identity({ name, incarnation }: NodeIdentity): NodeIdentity {
  return { name, incarnation };
}
