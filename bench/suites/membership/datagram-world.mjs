/**
 * Many protocol machines in one queue of events, over datagrams that are late, lost or come twice: nothing but the machines runs, so thousands of nodes fit into one process. It is not the simulator of
 * `nexus-agents/testing`, which runs whole nodes; the suite `membership` and tests of machines use it.
 */

/** A generator of uniform numbers, 0 ≤ x < 1: mulberry32. */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Where node `index` listens. */
export const addressAt = (index) => ({ host: `10.${index >>> 16}.${(index >>> 8) & 255}.${index & 255}`, port: 7400 });

/**
 * A node is `{ machine, toInput(fromIndex, payload), isUp, refuses, blocked }`. `machine` has `dueMs` and `step(nowMs, input)`; its effects of the type `send` go to `address`, and every other one to
 * `happened(index, effect, nowMs)`. While `blocked` is true what arrives waits, and what is sent waits; timers run.
 */
export class DatagramWorld {
  nowMs = 0;
  sent = 0;
  delivered = 0;
  nodes = [];
  /** Whether a datagram gets through: partitions. @type {(from: number, to: number) => boolean} */
  passes = () => true;
  /** @type {(index: number, effect: any, nowMs: number) => void} */
  happened = () => undefined;
  #random;
  #loss;
  #duplication;
  #latencyMs;
  #queue = new EventQueue();
  #indexes = new Map();

  constructor({ random, loss = 0, duplication = 0, latencyMs = () => 0.2 + random() * 0.6 }) {
    this.#random = random;
    this.#loss = loss;
    this.#duplication = duplication;
    this.#latencyMs = latencyMs;
  }

  add(node) {
    const index = this.nodes.length;
    this.nodes.push({ isUp: true, refuses: true, blocked: false, waiting: [], wakeMs: Number.POSITIVE_INFINITY, ...node });
    this.#indexes.set(keyOf(addressAt(index)), index);
    return index;
  }

  /** At this time, once. */
  at(ms, act) {
    this.#queue.push(ms, act);
  }

  input(index, input) {
    const node = this.nodes[index];
    if (!node.isUp) return;
    for (const effect of node.machine.step(this.nowMs, input)) {
      if (effect.type === 'send') this.#send(index, effect);
      else this.happened(index, effect, this.nowMs);
    }
    this.#wake(index);
  }

  /** What waited arrives, and goes. */
  unblock(index) {
    const node = this.nodes[index];
    node.blocked = false;
    for (const act of node.waiting.splice(0)) act();
  }

  runUntil(ms) {
    for (let event = this.#queue.pop(ms); event !== undefined; event = this.#queue.pop(ms)) {
      this.nowMs = event.ms;
      event.act();
    }
    this.nowMs = ms;
  }

  /** Until then, or for as long as the condition does not hold. Returns whether it does. */
  runWhile(condition, limitMs) {
    while (condition()) {
      const event = this.#queue.pop(limitMs);
      if (event === undefined) return false;
      this.nowMs = event.ms;
      event.act();
    }
    return true;
  }

  #wake(index) {
    const node = this.nodes[index];
    const { dueMs } = node.machine;
    if (dueMs >= node.wakeMs || dueMs === Number.POSITIVE_INFINITY) return;
    node.wakeMs = dueMs;
    this.#queue.push(Math.max(this.nowMs, dueMs), () => {
      if (node.wakeMs !== dueMs) return;
      node.wakeMs = Number.POSITIVE_INFINITY;
      this.input(index, { type: 'tick' });
    });
  }

  #send(from, effect) {
    const sender = this.nodes[from];
    if (sender.blocked) return void sender.waiting.push(() => this.#send(from, effect));
    const to = this.#indexes.get(keyOf(effect.address ?? effect.to));
    this.sent += 1;
    if (to === undefined) return;
    const copies = this.#random() < this.#duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random() < this.#loss || !this.passes(from, to)) continue;
      this.#queue.push(this.nowMs + this.#latencyMs(from, to), () => this.#arrive(from, to, effect));
    }
  }

  #arrive(from, to, effect) {
    const receiver = this.nodes[to];
    if (!receiver.isUp) {
      if (receiver.refuses) this.#queue.push(this.nowMs + this.#latencyMs(to, from), () => this.input(from, { type: 'refused', address: addressAt(to) }));
      return;
    }
    if (receiver.blocked) return void receiver.waiting.push(() => this.#arrive(from, to, effect));
    this.delivered += 1;
    this.input(to, receiver.toInput(from, effect));
  }
}

const keyOf = ({ host, port }) => `${host}:${port}`;

/** A binary heap; what is due at the same time comes in the order in which it was put in. */
class EventQueue {
  #heap = [];
  #order = 0;

  push(ms, act) {
    const heap = this.#heap;
    const event = { ms, order: this.#order++, act };
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  /** The first one, if it is due by then. */
  pop(untilMs) {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.ms > untilMs) return undefined;
    const last = heap.pop();
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(event) {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
      if (!before(heap[child], event)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = event;
  }
}

const before = (a, b) => a.ms < b.ms || (a.ms === b.ms && a.order < b.order);
