/**
 * The order service of the examples under random customers, killed with `kill -9` at random moments and started again on the same store. At the end the books of the
 * customers and those of the service must agree. More kills: NEXUS_ORDER_KILLS; the same customers again: NEXUS_TEST_SEED.
 */
import { onTestFinished, expect, test } from 'vitest';
import { lmdbStorage } from '../../dist/ts-src/adapters/lmdb/lmdb-storage.js';
import { SeededRandom } from '../../dist/ts-src/model/seeded-random.js';
import { ARTICLES } from '../../examples/orders/service.mjs';
import { storePath } from '../conformance/storage-places.js';
import { OrdersService } from '../orders-service.js';
import { until } from '../until.js';

const KILLS = Number(process.env['NEXUS_ORDER_KILLS'] ?? 5);
const SEED = Number(process.env['NEXUS_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const CUSTOMERS = 12;
const PAYMENT_WITHIN_MS = 1200;
/** Longer than any death, and what has to be done after it. */
const STUCK_MS = 30_000;
const NAMES = Object.keys(ARTICLES);
const RANKS = ['placed', 'paymentRequested', 'paid', 'packed', 'shipped'];

interface Line {
  readonly article: string;
  readonly units: number;
}

/** What a customer knows of an order. */
interface Known {
  readonly number: string;
  readonly lines: readonly Line[];
  /** Means to pay. */
  readonly isBuyer: boolean;
  /** The last status it was told as done. */
  told: string;
}

test(`orders survive ${KILLS} kills: customers were told the truth, nothing is oversold, forgotten or done twice`, {
  timeout: 120_000 + KILLS * 15_000,
}, async () => {
  const path = storePath();
  const service = new OrdersService(path, PAYMENT_WITHIN_MS);
  onTestFinished(() => service.kill());
  const town = new Town(service);
  try {
    await service.start();
    const random = new SeededRandom(SEED, 'kills');
    const living = town.live();
    for (let kill = 0; kill < KILLS; kill++) {
      const answers = town.answers + 5 + Math.floor(random.next() * 60);
      await Promise.race([until(() => town.answers >= answers, 60_000), living]);
      await new Promise((resolve) => setTimeout(resolve, random.next() * 30));
      await service.kill();
      // Every third time it stays away for so long that everybody is late.
      if (kill % 3 === 1) await new Promise((resolve) => setTimeout(resolve, PAYMENT_WITHIN_MS * 1.5));
      await service.start();
    }
    town.isClosing = true;
    await living;
    await check(town, service, path);
  } catch (error) {
    throw new Error(
      `NEXUS_TEST_SEED=${SEED}: ${(error as Error).message}\n${service.lines
        .filter((line) => line.startsWith('stderr'))
        .slice(-5)
        .join('\n')}`,
      { cause: error },
    );
  }
});

/** Customers, and a supplier. */
class Town {
  answers = 0;
  repeated = 0;
  isClosing = false;
  readonly orders: Known[] = [];
  /** Units by article. */
  readonly supplied = new Map<string, number>();
  readonly #service: OrdersService;

  constructor(service: OrdersService) {
    this.#service = service;
  }

  async live(): Promise<void> {
    await Promise.all([this.#supply(), ...Array.from({ length: CUSTOMERS }, (_, customer) => this.#buy(customer))]);
  }

  async #buy(customer: number): Promise<void> {
    const random = new SeededRandom(SEED, `customer ${customer}`);
    for (let n = 1; !this.isClosing; n++) {
      const articles = NAMES.filter(() => random.next() < 0.5);
      const lines = (articles.length > 0 ? articles : ['tea']).map((article) => ({ article, units: 1 + Math.floor(random.next() * 12) }));
      const known: Known = { number: `${customer + 1}${String(n).padStart(6, '0')}`, lines, isBuyer: random.next() < 0.6, told: '' };
      this.orders.push(known);
      expect((await this.#command(known, 'place', random, { customer: `customer ${customer}`, lines })).status).toBe(200);
      // Some at once, while the articles are being reserved.
      if (random.next() < 0.1) {
        await this.#command(known, 'cancel', random);
        continue;
      }
      await this.#status(known, (status) => status !== 'placed');
      if (!known.isBuyer) {
        if (random.next() < 0.4) await this.#command(known, 'cancel', random);
        continue;
      }
      for (const command of ['pay', 'pack', 'ship']) if ((await this.#command(known, command, random)).status !== 200) break;
    }
  }

  /** Says the same until it is answered, and now and then once more: the same answer must come. */
  async #command(known: Known, command: string, random: SeededRandom, more: object = {}) {
    const body = { commandId: command, ...more };
    const answer = await this.#service.request(`/orders/${known.number}/${command}`, body);
    this.answers++;
    expect([200, 409], JSON.stringify(answer)).toContain(answer.status);
    if (answer.status === 200) known.told = answer.body.status;
    if (random.next() < 0.3) {
      this.repeated++;
      expect(await this.#service.request(`/orders/${known.number}/${command}`, body), `${command} of ${known.number}, again`).toEqual(answer);
    }
    return answer;
  }

  /** What is shown must never be behind what was told. */
  async #status(known: Known, isAwaited: (status: string) => boolean): Promise<void> {
    const deadline = performance.now() + STUCK_MS;
    let shown = '';
    await until(async () => {
      const { status, body } = await this.#service.request(`/orders/${known.number}`);
      if (status !== 200) throw new Error(`order ${known.number}, told ${known.told}, is unknown: ${status}`);
      shown = body.status;
      if (shown !== 'cancelled' && RANKS.indexOf(shown) < RANKS.indexOf(known.told))
        throw new Error(`order ${known.number} is ${shown}, and its customer was told ${known.told}`);
      if (performance.now() > deadline) throw new Error(`order ${known.number} stays ${shown}`);
      return isAwaited(shown);
    }, 2 * STUCK_MS);
  }

  async #supply(): Promise<void> {
    const random = new SeededRandom(SEED, 'supplier');
    for (let n = 1; !this.isClosing; n++) {
      const article = NAMES[n % NAMES.length] as string;
      const units = 1 + Math.floor(random.next() * 30);
      this.supplied.set(article, (this.supplied.get(article) ?? 0) + units);
      for (let time = random.next() < 0.3 ? 0 : 1; time < 2; time++) {
        const { status, body } = await this.#service.request(`/articles/${article}/receive`, { delivery: `delivery ${n}`, units });
        expect(status).toBe(200);
        expect(body.available, `${article} is oversold`).toBeGreaterThanOrEqual(0);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function check(town: Town, service: OrdersService, path: string): Promise<void> {
  const views = new Map<string, Awaited<ReturnType<OrdersService['fetch']>>['body']>();
  for (const { number } of town.orders) {
    await until(async () => {
      const { body } = await service.request(`/orders/${number}`);
      views.set(number, body);
      return (body.status === 'shipped' || body.status === 'cancelled') && body.undelivered === 0;
    }, 15_000).catch(() => {
      throw new Error(`order ${number} is not done: ${JSON.stringify(views.get(number))}`);
    });
  }
  const shipped = new Map<string, number>();
  let lateBecauseDead = 0;
  for (const { number, lines, isBuyer, told } of town.orders) {
    const { status, cancelledBecause, history, paymentDueEpochMs } = views.get(number);
    const about = `order ${number}, told ${told}, because ${cancelledBecause}: ${JSON.stringify(history)}`;
    const steps: string[] = history.map((step: { status: string }) => step.status);
    const last = history.at(-1) as { status: string; epochMs: number };
    expect(last.status, about).toBe(status);
    // Each step once, and in their order.
    expect(steps.slice(0, -1), about).toEqual(RANKS.slice(0, steps.length - 1));
    expect(steps.at(-1), about).toBe(status === 'cancelled' ? 'cancelled' : 'shipped');
    if (status === 'shipped') {
      expect(told, about).toBe('shipped');
      expect(steps, about).toEqual(RANKS);
      for (const { article, units } of lines) shipped.set(article, (shipped.get(article) ?? 0) + units);
      continue;
    }
    // Whoever was told that it is paid must get it.
    expect(['placed', 'cancelled'], about).toContain(told);
    expect(cancelledBecause === 'customer', about).toBe(told === 'cancelled');
    if (cancelledBecause === 'soldOut') expect(steps, about).toEqual(['placed', 'cancelled']);
    if (cancelledBecause !== 'notPaid') continue;
    expect(last.epochMs, about).toBeGreaterThanOrEqual(paymentDueEpochMs);
    if (service.dead.some(({ from, to }) => paymentDueEpochMs > from && paymentDueEpochMs < to)) lateBecauseDead++;
    else if (isBuyer) expect(service.dead.length, `${about}: its customer paid at once, and nobody was killed`).toBeGreaterThan(0);
  }
  for (const [article, opening] of Object.entries(ARTICLES)) {
    const { body } = await service.request(`/articles/${article}`);
    const received = opening + (town.supplied.get(article) ?? 0);
    const sold = shipped.get(article) ?? 0;
    expect(body, article).toEqual({ received, shipped: sold, reserved: 0, available: received - sold, orders: [] });
    expect(body.available, `${article} is oversold`).toBeGreaterThanOrEqual(0);
  }
  // The run was one that shows something.
  const because = (what: string): number => [...views.values()].filter(({ cancelledBecause }) => cancelledBecause === what).length;
  expect(shipped.size).toBeGreaterThan(0);
  expect(because('customer')).toBeGreaterThan(0);
  expect(town.repeated).toBeGreaterThan(0);
  if (KILLS >= 2) expect(lateBecauseDead, 'reminders that were due while nobody was there').toBeGreaterThan(0);

  const endedEpochMs = Date.now();
  expect(await service.end()).toBe(0);
  const store = await lmdbStorage({ path }).open();
  const thread = store.openThread();
  const left = thread.remindersDue(Number.MAX_SAFE_INTEGER, 10_000);
  const orders = [...thread.agents('order')].map(({ id }) => id);
  await store.close();
  // Of the payments none. `deliver` finds once that there is nothing more to deliver; that may be still to come.
  expect(left.filter(({ name, dueEpochMs }) => name !== 'letters' || dueEpochMs < endedEpochMs - 1000)).toEqual([]);
  expect(orders.sort()).toEqual(town.orders.map(({ number }) => number).sort());
  console.log(
    `${service.dead.length} kills, ${town.orders.length} orders: ${because('customer')} cancelled, ${because('notPaid')} not paid (${lateBecauseDead} due while dead), ` +
      `${because('soldOut')} sold out; ${town.answers} answers, ${town.repeated} asked for again`,
  );
}
