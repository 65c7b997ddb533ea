import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareClaims } from '../../../../dist/ts-src/protocols/swim/rumour-order.js';
import { Swim } from '../../../../dist/ts-src/protocols/swim/swim.js';
import type { Rumour } from '../../../../dist/ts-src/protocols/swim/swim-messages.js';
import { descriptionAt, identityOf, NAMES, rumours, STATES } from './rumours.js';

test('of two rumours the greater refutation wins, and of the same one the worse state', () => {
  const claims = [0, 1].flatMap((refutation) => STATES.map((state) => ({ refutation, state })));
  const table = claims.map((a) => claims.map((b) => Math.sign(compareClaims(a, b))).map((sign) => ({ '-1': '<', 0: '=', 1: '>' })[sign]));
  expect(table.map((row) => row.join(' '))).toEqual([
    // 0: reachable, suspect, unreachable; 1: the same
    '= < < < < <',
    '> = < < < <',
    '> > = < < <',
    '> > > = < <',
    '> > > > = <',
    '> > > > > =',
  ]);
});

/** What is believed of each member after these rumours, in this order, at one time. */
function believedBy(heard: readonly Rumour[]): readonly string[] {
  const swim = new Swim(identityOf('a'), new Uint8Array(), { random: () => 0.5, grantFor: () => 0 });
  swim.step(0, { type: 'admit', members: NAMES.map((name) => ({ ...identityOf(name), address: { host: name, port: 1 } })) });
  for (const rumour of heard)
    swim.step(0, { type: 'received', from: identityOf('b'), address: { host: 'b', port: 1 }, message: { type: 'gossip', rumours: [rumour] } });
  return swim
    .snapshot(0)
    .map(({ name, reachability, metadata }) => `${name} ${reachability} ${metadata}`)
    .sort();
}

/** The dumb twin: looks at all of them at once. */
function mergedTogether(heard: readonly Rumour[]): readonly string[] {
  return NAMES.map((name) => {
    const ofIt = heard.filter(({ about }) => about.name === name);
    const refutation = Math.max(0, ...ofIt.map((rumour) => rumour.refutation));
    const worst = Math.max(0, ...ofIt.filter((rumour) => rumour.refutation === refutation).map(({ state }) => STATES.indexOf(state)));
    const said = Math.max(-1, ...ofIt.filter(({ state }) => state === 'reachable').map((rumour) => rumour.refutation));
    return `${name} ${STATES[worst]} ${said < 0 ? undefined : descriptionAt(said)}`;
  });
}

test('the order in which rumours arrive, and how often, never matters', () => {
  const runs = fc.array(rumours, { maxLength: 30 }).chain((heard) =>
    fc.record({
      heard: fc.constant(heard),
      another: fc.shuffledSubarray(heard, { minLength: heard.length }),
      again: fc.array(fc.constantFrom(...(heard.length > 0 ? heard : [undefined])), { maxLength: 5 }),
    }),
  );
  fc.assert(
    fc.property(runs, ({ heard, another, again }) => {
      const expected = mergedTogether(heard);
      expect(believedBy(heard)).toEqual(expected);
      expect(believedBy([...another, ...again.filter((rumour) => rumour !== undefined)])).toEqual(expected);
    }),
  );
});

test('a rumour about another incarnation, before or after, is not heard', () => {
  fc.assert(
    fc.property(fc.array(rumours, { maxLength: 20 }), fc.array(fc.tuple(rumours, fc.constantFrom(0, 2)), { maxLength: 20 }), (heard, others) => {
      const strangers = others.map(([rumour, incarnation]) => ({ ...rumour, about: identityOf(rumour.about.name, incarnation) }));
      expect(believedBy([...strangers, ...heard, ...strangers])).toEqual(mergedTogether(heard));
    }),
  );
});

test('a node always has the last word about itself', () => {
  const aboutSelf = rumours.map((rumour) => ({ ...rumour, about: identityOf('a') }));
  fc.assert(
    fc.property(fc.array(aboutSelf, { maxLength: 20 }), (heard) => {
      const swim = new Swim(identityOf('a'), new Uint8Array([7]), { random: () => 0.5, grantFor: () => 0 });
      const from = identityOf('b');
      const address = { host: 'b', port: 1 };
      swim.step(0, {
        type: 'admit',
        members: [
          { ...identityOf('a'), address: { host: 'a', port: 1 } },
          { ...from, address },
        ],
      });
      for (const rumour of heard) swim.step(0, { type: 'received', from, address, message: { type: 'gossip', rumours: [rumour] } });
      const effects = swim.step(0, { type: 'received', from, address, message: { type: 'rumourRequest', about: [identityOf('a')] } });
      const said = effects.flatMap((effect) => (effect.type === 'send' && 'rumours' in effect.message ? effect.message.rumours : []));
      const claim = said.find(({ about }) => about.name === 'a');
      expect(claim?.state).toBe('reachable');
      expect(claim?.metadata).toEqual(new Uint8Array([7]));
      for (const rumour of heard) if (rumour.state !== 'reachable') expect(claim?.refutation).toBeGreaterThan(rumour.refutation);
    }),
  );
});
