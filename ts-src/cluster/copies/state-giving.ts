/**
 * Anti-entropy: after a change of the ring this node goes through what it has stored, and gives whoever has come to hold a partition what is newer here, by versions first and then whole agents, at a bounded pace. When all has arrived
 * it says so (`settled`), on which the other node relies when it starts agents without asking. What this node holds no more is removed here when all who hold it have it. Also forgets, after a week, what was deleted.
 */
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { StorageWrite } from '../../ports/storage.js';
import type { Holding } from '../../protocols/copies/copy-messages.js';
import { bytesOf, ITEM_BYTES_MAX } from '../../protocols/copies/copy-stream.js';
import { Giving, type Holders } from '../../protocols/copies/holding.js';
import { PARTITIONS, partitionOf } from '../../protocols/registry/partition.js';
import type { CopyPeers } from './copy-peers.js';
import type { CopyStore } from './copy-store.js';

/** Agents that are looked at in one go: some milliseconds of the thread's time. */
const AGENTS_A_STEP = 256;
const PAUSE_MS = 2;
/** Another attempt, after a node could not store what it was given. */
const RETRY_MS = 1000;
/** How long it is known of a deleted agent that it was: a node that was away for longer may bring it back. */
export const DELETED_KEPT_MS = 7 * 86_400_000;
/** How often it is looked for what may be removed, besides after changes of the ring. */
const SWEEP_MS = 3_600_000;

export interface StateGivingNeeds {
  readonly self: NodeIdentity;
  readonly peers: CopyPeers;
  readonly store: CopyStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** An agent of this id runs here, or is about to. */
  isRunning(id: string): boolean;
  /** Agents of one node only stay where they are. */
  isOfCluster(kind: string, id: string): boolean;
}

interface Job {
  readonly giving: Giving;
  /** What it is to be given; one that it holds no more is taken out. */
  readonly partitions: Set<number>;
}

export class StateGiving {
  readonly #needs: StateGivingNeeds;
  readonly #givings = new Map<string, Giving>();
  /** Of each node, what it lacks in the view that this node knows. */
  #missing = new Map<string, Set<number>>();
  #jobs: readonly Job[] = [];
  #holders: Holders | undefined;
  #isRunning = false;
  #isClosed = false;
  #cancelSweep: (() => void) | undefined;
  /** Of those who wait until nothing is here alone. */
  #whenGiven: (() => void)[] = [];
  /** Resolves when what is being removed is gone. */
  #dropping: Promise<void> = Promise.resolve();
  readonly #dropped = new Set<string>();
  /** Agents that were given to others, and removed here, since the start. */
  given = 0;
  removed = 0;

  constructor(needs: StateGivingNeeds) {
    this.#needs = needs;
  }

  /** It is at work. */
  get isBusy(): boolean {
    return this.#isRunning;
  }

  install(holders: Holders): void {
    this.#holders = holders;
    const others = holders.members.filter((member) => !sameNode(member, this.#needs.self));
    const keys = new Set(others.map(nodeKey));
    for (const key of this.#givings.keys()) if (!keys.has(key)) this.#givings.delete(key);
    this.#missing = new Map();
    for (const node of others) {
      const key = nodeKey(node);
      const giving = this.#givings.get(key) ?? new Giving(node);
      this.#givings.set(key, giving);
      this.#missing.set(key, giving.install(holders));
    }
    for (const { giving, partitions } of this.#jobs) {
      const missing = this.#missing.get(nodeKey(giving.to));
      // Held no more, or perhaps not all the time: what it was given before is not all.
      for (const partition of partitions) if (missing?.has(partition) !== true || !holders.isHolder(partition, giving.to)) partitions.delete(partition);
    }
    this.#look();
    if (!this.#isRunning) void this.#run();
  }

  /** Resolves when of each partition that another node holds some other node has been given all that there is of it here: then this node may leave, and nothing is gone with it. */
  elsewhere(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenGiven.push(resolve);
      this.#look();
    });
  }

  /** An agent of this id is about to start: resolves when what was about to be removed of it is gone, so that it is not seen. */
  async settled(id: string): Promise<void> {
    while (this.#dropped.has(id)) await this.#dropping;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#look();
  }

  #look(): void {
    if (this.#whenGiven.length === 0 || !(this.#isClosed || this.#isElsewhere())) return;
    for (const resolve of this.#whenGiven.splice(0)) resolve();
  }

  #isElsewhere(): boolean {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const others = this.#holders?.of(partition).filter((node) => !sameNode(node, this.#needs.self)) ?? [];
      if (others.length > 0 && !others.some((node) => this.#givings.get(nodeKey(node))?.isGiven(partition) === true)) return false;
    }
    return true;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      let holders: Holders | undefined;
      do {
        holders = this.#holders;
        while (!this.#isClosed && (await this.#round()));
        await this.#sweep();
        // The ring may have changed meanwhile.
      } while (!this.#isClosed && this.#holders !== holders);
    } catch (error) {
      if (!this.#isClosed) this.#needs.logger.error({ error }, 'copies of durable state could not be brought to where they belong; it is tried again');
      if (!this.#isClosed) this.#needs.clock.after(RETRY_MS, () => void (this.#isRunning || this.#run()));
    }
    this.#isRunning = false;
    if (this.#isClosed) return;
    this.#cancelSweep?.();
    this.#cancelSweep = this.#needs.clock.after(SWEEP_MS, () => void (this.#isRunning || this.#run()));
  }

  /** True if there is something left to give: the ring has changed meanwhile, or a node could not take it. */
  async #round(): Promise<boolean> {
    const jobs: Job[] = [];
    for (const [key, giving] of this.#givings) {
      const missing = this.#missing.get(key);
      if (missing === undefined) continue;
      if (missing.size > 0) jobs.push({ giving, partitions: new Set(missing) });
      else if (giving.saidView !== this.#holders?.view) void this.#say(giving);
    }
    if (jobs.length === 0) return false;
    this.#jobs = jobs;
    const failed = await this.#give(jobs);
    this.#jobs = [];
    for (const job of jobs) {
      const key = nodeKey(job.giving.to);
      if (failed.has(key) || this.#givings.get(key) !== job.giving) continue;
      for (const partition of job.partitions) {
        job.giving.given(partition);
        this.#missing.get(key)?.delete(partition);
      }
    }
    this.#look();
    if (failed.size > 0) await this.#pause(RETRY_MS);
    return true;
  }

  async #say(giving: Giving): Promise<void> {
    const view = this.#holders?.view ?? 0;
    giving.saidView = view;
    await this.#needs.peers.call(giving.to, { type: 'settled', view });
  }

  /** Goes once through the store. Those that could not take all. */
  async #give(jobs: readonly Job[]): Promise<ReadonlySet<string>> {
    const failed = new Set<string>();
    const offers = new Map<Job, Holding[]>();
    let looked = 0;
    const flush = async (isLast: boolean): Promise<void> => {
      await Promise.all(
        [...offers].map(async ([job, offered]) => {
          if (offered.length === 0 || (!isLast && offered.length < AGENTS_A_STEP)) return;
          offers.set(job, []);
          if (!(await this.#offer(job.giving.to, offered))) failed.add(nodeKey(job.giving.to));
        }),
      );
    };
    for (const { kind, id, token, revision } of this.#needs.store.storage.versions()) {
      if (this.#isClosed) return failed;
      if (!this.#needs.isOfCluster(kind, id)) continue;
      const partition = partitionOf(id);
      for (const job of jobs) {
        if (!job.partitions.has(partition)) continue;
        const offered = offers.get(job) ?? [];
        offered.push({ kind, id, token, revision });
        offers.set(job, offered);
      }
      if (++looked % AGENTS_A_STEP !== 0) continue;
      await flush(false);
      await this.#pause(PAUSE_MS);
      if (this.#isClosed) return failed;
    }
    await flush(true);
    return failed;
  }

  /** False if the node has not stored all that it lacks. */
  async #offer(to: NodeIdentity, offered: readonly Holding[]): Promise<boolean> {
    const { peers, store } = this.#needs;
    // Of a time before there were tokens: older than whatever has one.
    const answer = await peers.call(to, { type: 'offer', offered: offered.map((each) => (each.token === 0 ? { ...each, token: 1 } : each)) });
    if (answer?.type !== 'wants') return true;
    const stored = await Promise.all(
      answer.indices.map((at) => {
        const { kind, id } = offered[at] as Holding;
        let writes: readonly StorageWrite[] | undefined;
        try {
          writes = store.whole(kind, id);
        } catch (error) {
          // It may be read at the next attempt: until then it must not be said that all was given.
          if ((error as { readonly code?: unknown }).code !== 'NEXUS_STORE_CORRUPT') {
            this.#needs.logger.warn({ error, kind, id }, 'a copy of durable state could not be read, and is given to another node later');
            return false;
          }
          // Nobody else can be given it: it is not acknowledged by this node any more.
          this.#needs.logger.error({ error, kind, id }, 'a copy of durable state cannot be read, and is not given to another node');
        }
        if (writes === undefined) return true;
        const item = { kind, id, mode: 'given', writes } as const;
        if (bytesOf(item) > ITEM_BYTES_MAX) {
          this.#needs.logger.error(
            { kind, id, bytes: bytesOf(item), bytesMax: ITEM_BYTES_MAX },
            'a copy of durable state is too large to be given to another node',
          );
          return true;
        }
        return new Promise<boolean>((resolve) =>
          peers.send(to, item, (outcome) => {
            if (outcome === undefined) this.given++;
            resolve(outcome === undefined || outcome === 'gone' || outcome === 'closed');
          }),
        );
      }),
    );
    return stored.every((isStored) => isStored);
  }

  /** Removes what all who hold it have by now, and what was deleted long ago. */
  async #sweep(): Promise<void> {
    const { self, store, clock } = this.#needs;
    const holders = this.#holders;
    if (holders === undefined) return;
    let drops: Extract<StorageWrite, { readonly type: 'drop' }>[] = [];
    let looked = 0;
    const isGiven = (partition: number): boolean => {
      const of = holders.of(partition);
      return of.length > 0 && of.every((node) => this.#givings.get(nodeKey(node))?.isGiven(partition) === true);
    };
    const flush = async (): Promise<void> => {
      const chosen = drops.filter(({ id }) => !this.#needs.isRunning(id));
      drops = [];
      if (chosen.length === 0) return;
      for (const { id } of chosen) this.#dropped.add(id);
      this.#dropping = store.storage.write(chosen).finally(() => this.#dropped.clear());
      await this.#dropping;
      this.removed += chosen.length;
    };
    for (const { kind, id, token, revision, deletedEpochMs } of store.storage.versions()) {
      if (this.#isClosed || this.#holders !== holders) return;
      const partition = partitionOf(id);
      const isOld = deletedEpochMs !== undefined && clock.epochMs() - deletedEpochMs > DELETED_KEPT_MS;
      const isElsewhere = !holders.isHolder(partition, self) && isGiven(partition);
      if (isOld || (isElsewhere && this.#needs.isOfCluster(kind, id))) drops.push({ type: 'drop', kind, id, version: { token, revision } });
      if (++looked % AGENTS_A_STEP !== 0) continue;
      await flush();
      await this.#pause(PAUSE_MS);
    }
    if (!this.#isClosed && this.#holders === holders) await flush();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#needs.clock.after(ms, resolve));
  }
}
