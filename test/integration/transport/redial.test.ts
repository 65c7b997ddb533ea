/** When a connection is tried again that could not be made: later each time, and at once when the other side has made one. */
import { expect, test } from 'vitest';
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { openTransport } from '../../../dist/ts-src/cluster/transport/session-transport.js';
import type { Clock } from '../../../dist/ts-src/ports/clock.js';
import type { NodeIdentity } from '../../../dist/ts-src/model/node-identity.js';
import { until } from '../../until.js';
import { HOST, websocketNetwork } from './websocket-network.js';

const CHANNEL = 1;
/** Longer pauses are never over. */
const PATIENCE_MS = 150;
const impatient: Clock = {
  nowMs: () => systemClock.nowMs(),
  after: (delayMs: number, act: () => void, ...rest: []) => (delayMs > PATIENCE_MS ? () => undefined : systemClock.after(delayMs, act, ...rest)),
} as Clock;

test('what waits for a node that has refused connections goes as soon as that node has made one itself', async () => {
  const network = websocketNetwork();
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const open = async (name: string) => {
    const self: NodeIdentity = { name, incarnation: 1 };
    const { wire } = network.open(undefined, {});
    const options = {
      self: () => self,
      cluster: 'test',
      listen: { host: HOST, port: 0 },
      logger,
      events: { opened: () => undefined, closed: () => undefined },
    };
    return { self, transport: await openTransport(options, { clock: Object.assign(Object.create(systemClock), impatient), random: () => 0.999, wire }) };
  };
  const [early, late] = [await open('a'), await open('b')];
  try {
    const received: unknown[] = [];
    for (const { transport } of [early, late]) transport.listen(CHANNEL, ({ value }) => void received.push(value));
    early.transport.admit(late.self, late.transport.address);
    expect(early.transport.send(late.self, 'normal', { channel: CHANNEL, value: 'waits' })).toBe('accepted');
    // 50 ms and 100 ms are over; 200 are not.
    await until(() => late.transport.refusals().size > 0 && [...late.transport.refusals().values()].reduce((sum, count) => sum + count, 0) >= 3);
    late.transport.admit(early.self, early.transport.address);
    expect(late.transport.send(early.self, 'normal', { channel: CHANNEL, value: 'is there' })).toBe('accepted');
    await until(() => received.length === 2);
    expect([...received].sort()).toEqual(['is there', 'waits']);
  } finally {
    await Promise.all([early, late].map(({ transport }) => transport.close(0)));
    await network.close();
  }
});
