/** Where the kinds of a message flow are drawn. */
import fc from 'fast-check';
import { type Flow, layOut, wayOf } from '../../../dist/ts-src/console/page/flow-layout.js';
import { expect, test } from 'vitest';

const sizes = { nodeWidth: 100, nodeHeight: 30, bendHeight: 10, gapX: 50, gapY: 10, margin: 10 };
const flows = (text: string): Flow[] => text.split(' ').map((flow) => ({ from: flow.split('>')[0] as string, to: flow.split('>')[1] as string }));
const columns = (text: string): Record<string, number> =>
  Object.fromEntries([...layOut(flows(text), sizes).nodes].map(([name, { x }]) => [name, (x - 10) / 150]));

test('receivers are drawn to the right of their senders, circles and flows to the same kind aside', () => {
  expect(columns('a>b b>c')).toEqual({ a: 0, b: 1, c: 2 });
  expect(columns('a>b b>c c>a')).toEqual({ a: 0, b: 1, c: 2 });
  expect(columns('a>a')).toEqual({ a: 0 });
  // Just before the first that it sends to.
  expect(columns('a>b b>c (timer)>c')).toEqual({ a: 0, b: 1, c: 2, '(timer)': 1 });
});

test('a flow over several layers has a bend in each that no kind covers', () => {
  const drawn = layOut(flows('a>b b>c c>d a>d'), sizes);
  const bends = drawn.bends.get(wayOf({ from: 'a', to: 'd' }));
  expect(bends).toHaveLength(2);
  for (const [x, y] of bends ?? [])
    for (const node of drawn.nodes.values()) expect(x > node.x && x < node.x + sizes.nodeWidth && y > node.y && y < node.y + sizes.nodeHeight).toBe(false);
});

test('the same flows give the same picture in whatever order they come, and nothing is drawn over another or outside', () => {
  const name = fc.constantFrom(...'abcdefghijklmnop', '(outside)', '(timer)', '<b>', '\u202Egnp', '👍');
  fc.assert(
    fc.property(fc.array(fc.record({ from: name, to: name }), { maxLength: 40 }), fc.infiniteStream(fc.nat()), (drawn, chance) => {
      const layout = layOut(drawn, sizes);
      const shuffled = drawn.map((flow) => ({ flow, at: chance.next().value as number })).sort((a, b) => a.at - b.at);
      expect(
        layOut(
          shuffled.map(({ flow }) => flow),
          sizes,
        ),
      ).toEqual(layout);
      const nodes = [...layout.nodes.values()];
      expect(nodes).toHaveLength(new Set(drawn.flatMap(({ from, to }) => [from, to])).size);
      for (const [index, { x, y }] of nodes.entries()) {
        expect(x >= 0 && y >= 0 && x + sizes.nodeWidth <= layout.width && y + sizes.nodeHeight <= layout.height).toBe(true);
        for (const other of nodes.slice(index + 1)) expect(Math.abs(x - other.x) >= sizes.nodeWidth || Math.abs(y - other.y) >= sizes.nodeHeight).toBe(true);
      }
    }),
  );
});
