/** The jobs of a thread, on a clock that moves when it is told to. */
import { expect, test } from 'vitest';
import { ThreadServices, type ThreadService } from '../../../dist/ts-src/runtime/thread-services.js';
import { ManualClock } from './manual-clock.js';

function start() {
  const clock = new ManualClock();
  const escalated: unknown[] = [];
  const said: string[] = [];
  const log = (_data: object, message: string): void => void said.push(message);
  const logger = { debug: log, info: log, warn: log, error: log };
  const services = new ThreadServices({ clock, logger, random: () => 0, escalate: (_service, error) => escalated.push(error) });
  const did: string[] = [];
  const service = (name: string, more: Partial<ThreadService> = {}): ThreadService => ({
    name,
    start: () => void did.push(`start ${name}`),
    stop: () => void did.push(`stop ${name}`),
    ...more,
  });
  const status = (): string[] => services.describe().map(({ id, status: is, restarts }) => `${id} ${is} ${restarts}`);
  return { clock, services, escalated, said, did, service, status };
}

test('services start when they are added, tick after each period, and stop in reverse order', async () => {
  const { clock, services, did, service, status } = start();
  services.add(service('one', { periodMs: 10, tick: () => void did.push('tick one') }));
  services.add(service('two'));
  expect(did).toEqual(['start one', 'start two']);
  clock.advance(25);
  expect(did.slice(2)).toEqual(['tick one', 'tick one']);
  expect(status()).toEqual(['one running 0', 'two running 0']);
  await services.stop();
  expect(did.slice(4)).toEqual(['stop two', 'stop one']);
  clock.advance(1000);
  expect(did).toHaveLength(6);
  expect(clock.timers).toBe(0);
});

test('a service that fails is stopped, and started again after a back-off, without the others', () => {
  const { clock, services, did, service, status } = start();
  let fails = true;
  const tick = (): void => {
    did.push('tick');
    if (fails) throw new Error('no');
  };
  services.add(service('one', { periodMs: 100, tick }));
  services.add(service('two'));
  clock.advance(100);
  expect(did.slice(2)).toEqual(['tick', 'stop one']);
  expect(status()).toEqual(['one waiting 0', 'two running 0']);
  fails = false;
  clock.advance(10);
  expect(did.slice(4)).toEqual(['start one']);
  clock.advance(100);
  expect(did.slice(5)).toEqual(['tick']);
  expect(status()).toEqual(['one running 1', 'two running 0']);
});

test('a service that fails too often is a failure of the thread', () => {
  const { clock, services, escalated, did, service } = start();
  services.add(service('two'));
  services.add(
    service('one', {
      start: () => {
        did.push('start one');
        throw new Error('never');
      },
    }),
  );
  clock.advance(60_000);
  expect(escalated).toMatchObject([{ code: 'NEXUS_INTENSITY_EXCEEDED', cause: { message: 'never' }, data: { service: 'one' } }]);
  expect(did.filter((each) => each === 'start one')).toHaveLength(11);
  expect(did.at(-1)).toBe('stop two');
  expect(clock.timers).toBe(0);
});

test('an async tick is waited for: never two at a time, and not after a stop', async () => {
  const { clock, services, did, service } = start();
  const done: (() => void)[] = [];
  const tick = (): Promise<void> => new Promise((resolve) => void done.push(resolve));
  services.add(service('one', { periodMs: 10, tick }));
  clock.advance(100);
  expect(done).toHaveLength(1);
  const stopped = services.stop();
  expect(did).toEqual(['start one']);
  done[0]?.();
  await stopped;
  expect(did).toEqual(['start one', 'stop one']);
  clock.advance(100);
  expect(done).toHaveLength(1);
});

test('a service that does not stop is given up after a second', async () => {
  const { clock, services, said, did, service } = start();
  services.add(service('one'));
  services.add(service('hangs', { stop: () => new Promise(() => undefined) }));
  const stopped = services.stop();
  expect(did).toEqual(['start one', 'start hangs']);
  clock.advance(1000);
  await stopped;
  expect(did.at(-1)).toBe('stop one');
  expect(said).toContain('a service of a thread did not stop in time and is given up');
});

test('a service that is removed stops and is forgotten; names are unique, and a tick needs a period', () => {
  const { clock, services, did, service, status } = start();
  services.add(service('one', { periodMs: 10, tick: () => void did.push('tick') }));
  expect(() => services.add(service('one'))).toThrow("has a service 'one' already");
  expect(() => services.add(service('two', { tick: () => undefined }))).toThrow('needs periodMs');
  services.remove('one');
  clock.advance(100);
  expect(did).toEqual(['start one', 'stop one']);
  expect(status()).toEqual([]);
  services.add(service('one'));
  expect(status()).toEqual(['one running 0']);
});
