/** Effects as data: what the constructors make, and what performing them asks of the context. */
import { defineTopic, effect, shape } from 'nexus-agents';
import { expect, expectTypeOf, test } from 'vitest';
import { perform } from '../../../dist/ts-src/model/effect.js';

test('a typed topic is a topic of an effect too, checked by its types and given to the context with its shape', () => {
  const Placed = defineTopic('orders.placed', shape.object({ total: shape.float64 }));
  const emitted: unknown[] = [];
  const ctx = { emit: (...given: unknown[]) => void emitted.push(given) };
  perform([effect.emit(Placed, { total: 5 }), effect.emit('plain')], ctx as never);
  expect(emitted).toEqual([
    [Placed, { total: 5 }],
    ['plain', undefined],
  ]);
  expectTypeOf(effect.emit(Placed, { total: 5 }).data).toEqualTypeOf<unknown>();
  // @ts-expect-error the data are not those of the topic
  effect.emit(Placed, { total: 'five' });
  // @ts-expect-error the topic has data
  effect.emit(Placed);
});
