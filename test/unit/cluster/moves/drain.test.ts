/** The deadline of a drain, which holds whatever becomes of the moves that it waits for. */
import { expect, test } from 'vitest';
import { Drain } from '../../../../dist/ts-src/cluster/moves/drain.js';
import type { Registration } from '../../../../dist/ts-src/model/registration.js';
import type { Registry } from '../../../../dist/ts-src/ports/registry.js';
import { ManualClock } from '../../runtime/manual-clock.js';

test('a drain does not wait beyond its deadline for an agent whose move comes to no end', async () => {
  const clock = new ManualClock();
  const [self, other] = ['a', 'b'].map((name) => ({ name, incarnation: 1 }));
  let tried = 0;
  const drain = new Drain({
    clock,
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    registry: { self, own: (id: string) => ({ id }) as Registration, ownerOf: () => other } as unknown as Registry,
    weigh: () => undefined,
    isWeighed: () => true,
    hasOthers: () => true,
    ids: () => ['x'],
    isStopping: () => false,
    move: () => {
      tried++;
      return new Promise(() => undefined);
    },
    asks: () => 0,
    vacate: async () => undefined,
    underway: () => 0,
  } as unknown as ConstructorParameters<typeof Drain>[0]);
  const report = drain.run(1000);
  for (let turn = 0; turn < 20 && tried === 0; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  expect(tried).toBe(1);
  clock.advance(1000);
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  clock.advance(1000);
  expect(await report).toMatchObject({ complete: false, moved: 0, left: 1, reasons: [{ id: 'x' }] });
});
