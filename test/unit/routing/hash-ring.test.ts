import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HashRing, POINTS_OF_MEMBER } from '../../../dist/ts-src/routing/hash-ring.js';
import { mixed, textHash } from '../../../dist/ts-src/routing/text-hash.js';

interface Member {
  readonly id: string;
}

const members = (count: number, prefix = 'member'): Member[] => Array.from({ length: count }, (_, number) => ({ id: `${prefix}-${number}` }));
const keys = Array.from({ length: 20_000 }, (_, number) => `key ${number}`);
const nobody = new Set<Member>();
const everybody = (): boolean => true;

function ringOf(all: readonly Member[]): HashRing<Member> {
  const ring = new HashRing<Member>();
  ring.change(all, nobody);
  return ring;
}

/** All points in a list, looked through from the start: the definition. */
function ownerIn(all: readonly Member[], key: string, accepts: (member: Member) => boolean): Member | undefined {
  const points = all.flatMap((member) => {
    const step = textHash(member.id, 0x6c62272e) | 1;
    return Array.from({ length: POINTS_OF_MEMBER }, (_, number) => ({ member, place: mixed(textHash(member.id, 0x2545f491) + Math.imul(step, number)) }));
  });
  points.sort((a, b) => a.place - b.place || (a.member.id < b.member.id ? -1 : 1));
  const at = points.findIndex(({ place }) => place >= textHash(key, 0));
  const inOrder = at < 0 ? points : [...points.slice(at), ...points.slice(0, at)];
  return inOrder.find(({ member }) => accepts(member))?.member;
}

test('the ring after any changes says what a list of all points says', () => {
  const steps = fc.array(fc.record({ coming: fc.uniqueArray(fc.integer({ min: 0, max: 30 })), going: fc.uniqueArray(fc.integer({ min: 0, max: 30 })) }), {
    minLength: 1,
    maxLength: 8,
  });
  const all = members(31);
  fc.assert(
    fc.property(steps, fc.array(fc.string(), { minLength: 1, maxLength: 10 }), fc.integer({ min: 0, max: 30 }), (changes, texts, avoided) => {
      const ring = new HashRing<Member>();
      const there = new Set<Member>();
      for (const { coming, going } of changes) {
        const leaves = new Set(going.map((number) => all[number] as Member).filter((member) => there.has(member)));
        const joins = coming.map((number) => all[number] as Member).filter((member) => !there.has(member));
        ring.change(joins, leaves);
        for (const member of leaves) there.delete(member);
        for (const member of joins) there.add(member);
        expect(ring.pointCount).toBe(there.size * POINTS_OF_MEMBER);
      }
      for (const key of texts) {
        expect(ring.pick(key, everybody)).toBe(ownerIn([...there], key, everybody));
        const accepts = (member: Member): boolean => member !== all[avoided];
        expect(ring.pick(key, accepts)).toBe(ownerIn([...there], key, accepts));
      }
    }),
    { numRuns: 150 },
  );
});

test('members that come or go move only their own share of the keys', () => {
  const before = members(100);
  const ring = ringOf(before);
  const ownersBefore = keys.map((key) => ring.pick(key, everybody) as Member);
  const newcomers = members(5, 'newcomer');
  ring.change(newcomers, nobody);
  const ownersWith = keys.map((key) => ring.pick(key, everybody) as Member);
  const moved = keys.filter((_, index) => ownersWith[index] !== ownersBefore[index]).length;
  for (const [index, owner] of ownersWith.entries()) if (owner !== ownersBefore[index]) expect(newcomers).toContain(owner);
  // 5 of 105, within three standard deviations of what 64 points each give.
  expect(Math.abs(moved / keys.length - 5 / 105)).toBeLessThan(0.02);
  ring.change([], new Set(newcomers));
  expect(keys.map((key) => ring.pick(key, everybody))).toEqual(ownersBefore);
  const gone = before[17] as Member;
  ring.change([], new Set([gone]));
  for (const [index, key] of keys.entries()) {
    const owner = ring.pick(key, everybody);
    if (ownersBefore[index] === gone) expect(owner).not.toBe(gone);
    else expect(owner).toBe(ownersBefore[index]);
  }
});

test('whose a key is does not depend on the order in which members came', () => {
  const all = members(50);
  const oneByOne = new HashRing<Member>();
  for (const member of [...all].reverse()) oneByOne.change([member], nobody);
  const together = ringOf(all);
  for (const key of keys.slice(0, 2000)) expect(oneByOne.pick(key, everybody)).toBe(together.pick(key, everybody));
});

test('members that meet at one place of the ring stand there in the same order on every thread', () => {
  const at = new Map<number, Member>();
  const pairs: [Member, Member][] = [];
  for (const member of members(4000)) {
    const [first, step] = [textHash(member.id, 0x2545f491), textHash(member.id, 0x6c62272e) | 1];
    for (let point = 0; point < POINTS_OF_MEMBER; point++) {
      const place = mixed(first + Math.imul(step, point));
      const other = at.get(place);
      if (other !== undefined && other !== member) pairs.push([other, member]);
      at.set(place, member);
    }
  }
  expect(pairs.length).toBeGreaterThan(3);
  for (const [a, b] of pairs) {
    const rings = [ringOf([a, b]), ringOf([b, a]), ringOf([a]), ringOf([b])] as const;
    rings[2].change([b], nobody);
    rings[3].change([a], nobody);
    for (const key of keys.slice(0, 3000)) expect(new Set(rings.map((ring) => ring.pick(key, everybody))).size).toBe(1);
  }
});

test('the shares of members differ by an eighth of a share', () => {
  const all = members(100);
  const ring = ringOf(all);
  const shares = new Map(all.map((member) => [member, 0]));
  for (const key of keys) {
    const owner = ring.pick(key, everybody) as Member;
    shares.set(owner, (shares.get(owner) as number) + 1);
  }
  const even = keys.length / all.length;
  const deviation = Math.sqrt([...shares.values()].reduce((sum, share) => sum + (share - even) ** 2, 0) / all.length) / even;
  expect(deviation).toBeLessThan(0.2);
  expect(Math.max(...shares.values()) / even).toBeLessThan(1.6);
});

test('the hash of a text is the same for ever, and fills 256 places evenly', () => {
  expect(['', 'a', 'pricing', 'größe 🎈'].map((text) => textHash(text, 0))).toMatchInlineSnapshot(`
    [
      0,
      721651713,
      878324503,
      3805821870,
    ]
  `);
  const counts = new Array(256).fill(0);
  for (const key of keys) counts[textHash(key, 7) >>> 24]++;
  const expected = keys.length / 256;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 255 degrees of freedom: 99.99 % are below 347.
  expect(chiSquare).toBeLessThan(347);
});
