import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPattern, checkTopic, patternFault, patternMatches, topicFault } from '../../../dist/ts-src/model/topic.js';
import { TopicTrie } from '../../../dist/ts-src/model/topic-trie.js';

describe('names', () => {
  test.each(['orders', 'orders.eu.created', 'put', 'user joined', 'ä.ö', 'com.github.pull_request.opened', 'a'.repeat(256), Array(32).fill('a').join('.')])(
    '%s is a topic',
    (topic) => {
      expect(topicFault(topic)).toBeUndefined();
      expect(patternFault(topic)).toBeUndefined();
    },
  );

  test.each([
    ['', 'must be a non-empty string'],
    [undefined, 'not undefined'],
    [null, 'not null'],
    [7, 'not number'],
    ['.a', 'empty token'],
    ['a.', 'empty token'],
    ['a..b', 'empty token'],
    ['a.*', "the wildcard '*'"],
    ['a.>', "the wildcard '>'"],
    ['a\n', 'control character'],
    ['a\ud800', 'surrogate'],
    ['a'.repeat(257), '257 characters; a topic has at most 256'],
    [Array(33).fill('a').join('.'), '33 tokens; a topic has at most 32'],
  ])('%j is no topic, and the error says why', (topic, reason) => {
    expect(() => checkTopic(topic)).toThrow(reason);
    expect(() => checkTopic(topic)).toThrow(expect.objectContaining({ code: 'NEXUS_OPTION_INVALID' }));
  });

  test.each(['*', '>', '*.*', 'a.*.c', 'a.>', '*.>'])('%s is a pattern', (pattern) => {
    expect(patternFault(pattern)).toBeUndefined();
  });

  test.each([
    ['>.a', "'>' before its end"],
    ['a.>.b', "'>' before its end"],
    ['a*', 'a wildcard is a token of its own'],
    ['a.b>', 'a wildcard is a token of its own'],
    ['**', 'a wildcard is a token of its own'],
    ['a..>', 'empty token'],
    ['', 'must be a non-empty string'],
  ])('%j is no pattern, and the error says why', (pattern, reason) => {
    expect(() => checkPattern(pattern)).toThrow(reason);
  });

  test.each([
    ['a.b', 'a.b', true],
    ['a.b', 'a', false],
    ['a.b', 'a.b.c', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['a.*', 'a.b.c', false],
    ['*.b', 'a.b', true],
    ['a.*.c', 'a.b.c', true],
    ['a.*.c', 'a.c', false],
    ['a.>', 'a.b', true],
    ['a.>', 'a.b.c.d', true],
    ['a.>', 'a', false],
    ['>', 'a', true],
    ['>', 'a.b', true],
    ['*', 'a.b', false],
    ['*.>', 'a', false],
    ['*.>', 'a.b', true],
  ])('%s and %s: %s', (pattern, topic, matches) => {
    expect(patternMatches(pattern, topic)).toBe(matches);
    const trie = new TopicTrie<number>();
    trie.add(pattern, 1);
    const found: number[] = [];
    trie.match(topic, (value) => found.push(value));
    expect(found).toEqual(matches ? [1] : []);
  });
});

describe('the trie', () => {
  // Few tokens, so that patterns meet; names of properties of every object among them.
  const name = fc.constantFrom('a', 'b', '__proto__', 'constructor');
  const topic = fc.array(name, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
  const pattern = fc
    .tuple(fc.array(fc.oneof(name, fc.constant('*')), { maxLength: 3 }), fc.boolean())
    .map(([tokens, rest]) => [...tokens, ...(rest || tokens.length === 0 ? ['>'] : [])].join('.'));
  const step = fc.oneof(
    fc.record({ type: fc.constant('add' as const), pattern, value: fc.nat(3) }),
    fc.record({ type: fc.constant('remove' as const), pattern, value: fc.nat(3) }),
    fc.record({ type: fc.constant('match' as const), topic }),
  );

  test('finds what a list that is searched from end to end finds, whatever is added and removed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const trie = new TopicTrie<number>();
        const list = new Map<string, { pattern: string; value: number }>();
        for (const each of steps) {
          if (each.type === 'match') {
            const found: number[] = [];
            trie.match(each.topic, (value) => found.push(value));
            const expected = [...list.values()].filter((entry) => patternMatches(entry.pattern, each.topic)).map(({ value }) => value);
            expect(found.sort()).toEqual(expected.sort());
            continue;
          }
          const key = `${each.pattern} ${each.value}`;
          if (each.type === 'add') {
            expect(trie.add(each.pattern, each.value)).toBe(!list.has(key));
            list.set(key, each);
          } else expect(trie.remove(each.pattern, each.value)).toBe(list.delete(key));
          expect(trie.size).toBe(list.size);
        }
        for (const { pattern: left, value } of list.values()) expect(trie.remove(left, value)).toBe(true);
        expect([trie.size, trie.nodeCount]).toEqual([0, 0]);
      }),
      { numRuns: 3000 },
    );
  });
});
