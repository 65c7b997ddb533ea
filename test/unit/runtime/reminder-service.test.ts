/** Who delivers reminders, with a manual clock and a store in memory: attempts, failures, calendars that jump, stores that cannot be read. */
import { expect, onTestFinished, test } from 'vitest';
import { memoryStorage } from '../../../dist/ts-src/adapters/memory-storage.js';
import type { Reminder, ThreadStorage } from '../../../dist/ts-src/ports/storage.js';
import { REMINDERS_PER_TICK_MAX, ReminderService } from '../../../dist/ts-src/runtime/durable/reminder-service.js';
import { recorder } from '../../start-nexus.js';
import { ManualClock } from './manual-clock.js';

/** The calendar of the manual clock can be set. */
class Calendar extends ManualClock {
  offsetMs = 1_000_000;

  override epochMs(): number {
    return this.nowMs() + this.offsetMs;
  }
}

interface Bench {
  readonly clock: Calendar;
  readonly storage: ThreadStorage;
  readonly service: ReminderService;
  readonly begun: string[];
  readonly lines: ReturnType<typeof recorder>['lines'];
  /** Settles the delivery of this name that is under way. */
  settle(name: string, error?: Error): Promise<void>;
  set(name: string, inMs: number, periodMs?: number): Promise<void>;
}

async function bench(): Promise<Bench> {
  const clock = new Calendar();
  const store = await memoryStorage().open();
  const storage = store.openThread();
  const logger = recorder();
  const begun: string[] = [];
  const underway = new Map<string, { resolve(): void; reject(error: Error): void }>();
  const service = new ReminderService({
    isOwn: () => true,
    storage,
    clock,
    logger,
    deliver: (reminder: Reminder) => {
      begun.push(reminder.name);
      return new Promise<void>((resolve, reject) => underway.set(reminder.name, { resolve, reject }));
    },
  });
  onTestFinished(() => service.stop());
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    clock,
    storage,
    service,
    begun,
    lines: logger.lines,
    async settle(name, error) {
      const delivery = underway.get(name);
      if (error === undefined) {
        // As the transaction of its handler does.
        await storage.write([{ type: 'clearReminder', kind: 'k', id: 'a', name }]);
        delivery?.resolve();
      } else delivery?.reject(error);
      await settled();
    },
    async set(name, inMs, periodMs = 0) {
      const dueEpochMs = Math.max(0, clock.epochMs() + inMs);
      await storage.write([{ type: 'setReminder', reminder: { kind: 'k', id: 'a', name, dueEpochMs, periodMs, action: 'act', input: undefined } }]);
      service.added(dueEpochMs);
      await settled();
    },
  };
}

test('a reminder is begun when it is due, once, and not again while its handler runs', async () => {
  const { clock, service, begun, settle, set } = await bench();
  service.start();
  await set('one', 500);
  await set('two', 250);
  clock.advance(249);
  expect(begun).toEqual([]);
  clock.advance(1);
  expect(begun).toEqual(['two']);
  clock.advance(10_000);
  expect(begun).toEqual(['two', 'one']);
  expect(service.underway).toBe(2);
  await settle('two');
  await settle('one');
  clock.advance(10_000);
  expect(begun).toEqual(['two', 'one']);
  expect([service.underway, service.delivered]).toEqual([0, 2]);
});

test('a reminder that fails is tried again after a second, then later, and holds up no other', async () => {
  const { clock, service, begun, settle, set, lines } = await bench();
  service.start();
  await set('bad', 0);
  clock.advance(1);
  for (const [attempt, delayMs] of [1000, 2000, 4000].entries()) {
    await settle('bad', new Error('failed'));
    await set(`good${attempt}`, 0);
    clock.advance(delayMs - 10);
    expect(begun.at(-1)).toBe(`good${attempt}`);
    await settle(`good${attempt}`);
    clock.advance(300);
    expect(begun.at(-1)).toBe('bad');
  }
  expect(lines.filter(({ message }) => message.startsWith('a reminder was not handled'))).toHaveLength(3);
});

test('a jump of the calendar is noticed within a second, and one back puts off what is not due any more', async () => {
  const { clock, service, begun, settle, set } = await bench();
  service.start();
  await set('far', 86_400_000);
  clock.offsetMs += 86_400_000;
  clock.advance(1000);
  expect(begun).toEqual(['far']);
  await settle('far');
  await set('soon', 5000);
  clock.offsetMs -= 3_600_000;
  clock.advance(60_000);
  expect(begun).toEqual(['far']);
  clock.offsetMs += 3_600_000;
  clock.advance(1000);
  expect(begun).toEqual(['far', 'soon']);
});

test('more reminders than one look takes are all begun', async () => {
  const { clock, storage, service, begun, settle } = await bench();
  const names = Array.from({ length: REMINDERS_PER_TICK_MAX * 2 + 10 }, (_, n) => `r${String(n).padStart(4, '0')}`);
  await storage.write(
    names.map((name) => ({
      type: 'setReminder' as const,
      reminder: { kind: 'k', id: 'a', name, dueEpochMs: 0, periodMs: 0, action: 'act', input: undefined },
    })),
  );
  service.start();
  for (let settledCount = 0; settledCount < names.length; ) {
    clock.advance(300);
    const next = begun.slice(settledCount);
    expect(next.length).toBeGreaterThan(0);
    for (const name of next) await settle(name);
    settledCount += next.length;
  }
  expect(begun.toSorted()).toEqual(names);
});

test('a store that cannot be read is looked at again', async () => {
  const { clock, storage, service, lines, begun, set } = await bench();
  service.start();
  await set('one', 2000);
  const { remindersDue } = storage;
  storage.remindersDue = () => {
    throw new Error('cannot be read');
  };
  clock.advance(5000);
  expect(lines.some(({ message }) => message.includes('could not be looked up'))).toBe(true);
  storage.remindersDue = remindersDue;
  clock.advance(1000);
  expect(begun).toEqual(['one']);
});
