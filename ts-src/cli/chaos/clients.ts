/**
 * The clients of a run: each does one operation after the other on registers, through whatever node, and what it has seen is the history. A client that does not know what has become of an operation goes on under another
 * name, as another process would. After some hundred operations a key is left, and another one is begun, so that the parts of the history stay small; at the end all of them are read.
 */
import { SeededRandom } from '../../model/seeded-random.js';
import type { HistoryOperation } from '../../testing/linearizability/history.js';
import type { MapInput } from '../../testing/linearizability/sequential-model.js';
import type { GatewayClient } from './gateway-client.js';

export interface ClientsNeeds {
  readonly gateway: GatewayClient;
  /** Of the nodes, in order; undefined for one whose address is not known now. */
  urls(): readonly (string | undefined)[];
  /** Milliseconds of this run. */
  nowMs(): number;
  record(outcome: 'ok' | 'failed' | 'unknown', code: string, tookMs: number): void;
}

export interface ClientsOptions {
  readonly seed: number;
  readonly clients: number;
  /** Registers that are used at a time. */
  readonly keys: number;
  readonly operationsPerKey: number;
  /** Each client waits so long between two operations, on average. */
  readonly pauseMs: number;
  readonly kind: string;
}

/** The same for values of a history that was read from a log. */
export type ChaosOperation = HistoryOperation<MapInput>;

const READS = 0.5;
const WRITES = 0.25;
/** Share of the compare-and-sets that expect what the client has seen last; the others are to be refused. */
const EXPECTING_RIGHT = 0.8;

export class Clients {
  readonly #needs: ClientsNeeds;
  readonly #options: ClientsOptions;
  readonly #history: ChaosOperation[] = [];
  /** Of each key in use: its generation, and how often it was used. */
  readonly #uses: { generation: number; count: number }[];
  #nextValue = 0;
  #nextProcess = 0;
  #isOver = false;

  constructor(needs: ClientsNeeds, options: ClientsOptions) {
    this.#needs = needs;
    this.#options = options;
    this.#uses = Array.from({ length: options.keys }, () => ({ generation: 0, count: 0 }));
  }

  get history(): readonly ChaosOperation[] {
    return this.#history;
  }

  get keys(): readonly string[] {
    return this.#uses.flatMap(({ generation }, index) => Array.from({ length: generation + 1 }, (_, each) => keyOf(index, each)));
  }

  /** Until `end` was called and the last operations have come to their ends. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.clients }, (_, index) => this.#client(index)));
  }

  end(): void {
    this.#isOver = true;
  }

  /** Reads each register through each node until one answers, or the deadline has passed; resolves with those that none answered for. */
  async readAll(deadlineMs: number): Promise<readonly string[]> {
    const untilMs = this.#needs.nowMs() + deadlineMs;
    const unread: string[] = [];
    const waiting = [...this.keys];
    const reader = async (): Promise<void> => {
      const process = this.#nextProcess++;
      for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
        let isRead = false;
        for (let attempt = 0; !isRead && this.#needs.nowMs() < untilMs; attempt++) {
          if (attempt > 0) await sleep(200);
          isRead = (await this.#operate(process, { f: 'read', key }, attempt)).outcome === 'ok';
        }
        if (!isRead) unread.push(key);
      }
    };
    await Promise.all(Array.from({ length: this.#options.clients }, reader));
    return unread;
  }

  async #client(index: number): Promise<void> {
    const random = new SeededRandom(this.#options.seed, `client ${index}`);
    const { pauseMs } = this.#options;
    const seen = new Map<string, unknown>();
    let process = this.#nextProcess++;
    while (!this.#isOver) {
      const input = this.#draw(random, seen);
      const { outcome, reply } = await this.#operate(process, input, Math.floor(random.next() * 1e6));
      if (outcome === 'unknown') process = this.#nextProcess++;
      if (outcome === 'ok')
        seen.set(
          input.key,
          input.f === 'read' ? reply : input.f === 'write' ? input.value : reply === false ? undefined : (input as { value: [unknown, unknown] }).value[1],
        );
      await sleep(-Math.log(1 - random.next()) * pauseMs);
    }
  }

  #draw(random: SeededRandom, seen: ReadonlyMap<string, unknown>): MapInput {
    const place = Math.floor(random.next() * this.#options.keys);
    const use = this.#uses[place] as { generation: number; count: number };
    if (++use.count > this.#options.operationsPerKey) {
      use.generation++;
      use.count = 1;
    }
    const key = keyOf(place, use.generation);
    const kind = random.next();
    if (kind < READS) return { f: 'read', key };
    const value = ++this.#nextValue;
    if (kind < READS + WRITES) return { f: 'write', key, value };
    return { f: 'cas', key, value: [random.next() < EXPECTING_RIGHT ? (seen.get(key) ?? null) : -1, value] };
  }

  async #operate(process: number, input: MapInput, choice: number): Promise<{ readonly outcome: string; readonly reply?: unknown }> {
    const { gateway, nowMs, record, urls } = this.#needs;
    const known = urls().filter((url) => url !== undefined);
    const url = known[choice % known.length];
    // To a microsecond, as people read it.
    const invokedAt = micro(nowMs());
    if (url === undefined) {
      record('failed', 'no node', 0);
      return { outcome: 'failed' };
    }
    const path = `/agents/${input.key}/${input.f}?kind=${encodeURIComponent(this.#options.kind)}`;
    const { outcome, code, reply } = await gateway.ask(url, path, 'value' in input ? input.value : undefined, input.f === 'read');
    const returnedAt = micro(nowMs());
    record(outcome, code, returnedAt - invokedAt);
    const output = input.f === 'write' || outcome !== 'ok' ? {} : { output: reply };
    this.#history.push({ process, input, ...output, invokedAt, ...(outcome === 'unknown' ? {} : { returnedAt }), outcome });
    return { outcome, reply };
  }
}

function keyOf(place: number, generation: number): string {
  return `register-${place + 1}-${generation + 1}`;
}

function micro(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
