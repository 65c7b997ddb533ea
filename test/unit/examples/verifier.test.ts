import { describe, expect, test } from 'vitest';
import { admit, newAdmission } from '../../../examples/rate-limiter/admission.mjs';
import { Verifier } from '../../../examples/rate-limiter/load/verifier.mjs';
import { resolvePolicy } from '../../../examples/rate-limiter/policy.mjs';

const policy = { rate: 10, burst: 3 };

interface Body {
  client: string;
  life: number;
  sequence: number;
  elapsedMs: number;
  admitted: boolean;
  remaining: number;
  retryAfterMs: number;
  score: number;
  blocked: boolean;
}

/** What a correct service answers to a client that asks at these times. */
function answersOf(client: string, timesMs: readonly number[], life = 1): Body[] {
  let admission = newAdmission({ burst: policy.burst });
  return timesMs.map((atMs, index) => {
    const next = admit(admission, resolvePolicy(policy), { atMs });
    admission = next.admission;
    return { client, life, sequence: index + 1, elapsedMs: atMs - timesMs[0]!, ...next.decision };
  });
}

interface Given {
  /** In the order in which they arrive. */
  readonly answers: readonly Body[];
  readonly client?: string;
  readonly wellBehaved?: boolean;
  readonly status?: (answer: Body) => number;
  readonly retryAfter?: (answer: Body) => string | undefined;
  readonly text?: (answer: Body) => string;
}

function verify({ answers, client = 'a', wellBehaved = false, status, retryAfter, text }: Given) {
  const verifier = new Verifier(policy);
  // All of them are under way before the first answer arrives.
  const sent = answers.map(() => ({ client, wellBehaved, sentMs: 1000 }));
  for (const request of sent) verifier.onSent(request);
  answers.forEach((answer, index) => {
    verifier.onAnswer(sent[index]!, {
      status: status?.(answer) ?? (answer.admitted ? 200 : 429),
      body: text?.(answer) ?? JSON.stringify(answer),
      retryAfter: retryAfter === undefined ? (answer.admitted ? undefined : String(Math.ceil(answer.retryAfterMs / 1000))) : retryAfter(answer),
      receivedMs: 1000 + answer.elapsedMs + 5,
    });
  });
  return verifier.finish({ logTime: false });
}

const TIMES = [0, 0, 10, 20, 100.25, 150, 400, 401, 402, 403, 403];
const good = () => answersOf('a', TIMES);
/** The correct answers with one of them changed. */
const changed = (index: number, change: Partial<Body>) => good().map((answer, at) => (at === index ? { ...answer, ...change } : answer));

describe('the verifier is content', () => {
  test('with correct answers', () => {
    const { clients, problems } = verify({ answers: good() });
    expect(problems).toEqual({ count: 0, byKind: {}, first: [] });
    expect(clients).toEqual([{ client: 'a', life: 1, requests: 11, admitted: 7, blocks: 0 }]);
  });

  test('with correct answers that overtake each other', () => {
    const answers = good();
    expect(verify({ answers: [...answers].reverse() }).problems.first).toEqual([]);
    expect(verify({ answers: [3, 1, 0, 2, 7, 5, 4, 6, 10, 9, 8].map((index) => answers[index]!) }).problems.first).toEqual([]);
  });

  test('with a client that hammers until it is blocked, and again', () => {
    const times = Array.from({ length: 2000 }, (_, index) => index * 7.3);
    const { clients, problems } = verify({ answers: answersOf('a', times) });
    expect(problems.first).toEqual([]);
    expect(clients[0]!.blocks).toBeGreaterThan(1);
  });

  test('with a client that ended and came back', () => {
    const later = answersOf('a', [0, 1, 2], 2).map((answer) => ({ ...answer, life: 9000 }));
    const verifier = new Verifier(policy);
    [...good(), ...later].forEach((answer, index) => {
      const sent = { client: 'a', wellBehaved: false, sentMs: index * 1000 };
      verifier.onSent(sent);
      const retryAfter = answer.admitted ? undefined : '1';
      verifier.onAnswer(sent, { status: answer.admitted ? 200 : 429, body: JSON.stringify(answer), retryAfter, receivedMs: index * 1000 + 1 });
    });
    const { clients, problems } = verifier.finish({ logTime: false });
    expect(problems.first).toEqual([]);
    expect(clients.map(({ life, requests }) => [life, requests])).toEqual([
      [1, 11],
      [9000, 3],
    ]);
  });
});

describe('the verifier complains about', () => {
  test.each([
    ['an answer for another client', changed(2, { client: 'b' }), /answer for 'b'/],
    ['a sequence number that comes twice', changed(4, { sequence: 4 }), /sequence number 4 twice/],
    ['a message that was lost', good().map((answer, at) => (at < 5 ? answer : { ...answer, sequence: answer.sequence + 1 })), /sequence number 6 never came/],
    ['a message that was handled twice', [...good().slice(0, 5), ...good().slice(6)], /sequence number 6 never came/],
    ['one request more than the burst', changed(3, { admitted: true, retryAfterMs: 0 }), /more often than burst \+ rate/],
    ['a refusal although there is a token', changed(1, { admitted: false, retryAfterMs: 100 }), /refused although 2.000 tokens/],
    ['time that goes back', changed(4, { elapsedMs: 15 }), /the one before was after/],
    ['fewer remaining than are left', changed(7, { remaining: 0 }), /0 remaining where 1.010/],
    ['more remaining than are left', changed(0, { remaining: 3 }), /3 remaining where 2.000/],
    ['a block out of nothing', changed(0, { blocked: true }), /blocked with a score of 0 at most/],
    ['a refusal that may be repeated at once', changed(3, { retryAfterMs: 0 }), /retry after 0 ms/],
    ['a refusal for too long', changed(3, { retryAfterMs: 6000 }), /retry after 6000 ms/],
    ['an admission that says when to come again', changed(0, { retryAfterMs: 5 }), /retry after 5 ms/],
    ['a sequence number 0', changed(0, { sequence: 0 }), /sequence is not/],
    ['a fraction of a request', changed(0, { remaining: 0.5 }), /remaining is not/],
    ['no score', changed(0, { score: undefined as unknown as number }), /score is not/],
    ['an unclear decision', changed(0, { admitted: 1 as unknown as boolean }), /not true or false/],
  ])('%s', (_name, answers, message) => {
    const { problems } = verify({ answers });
    expect(problems.first.join('\n')).toMatch(message);
  });

  test.each([
    ['200 for a refusal', { status: () => 200 }, /answered 200, and admitted: false/],
    ['429 for an admission', { status: () => 429 }, /answered 429, and admitted: true/],
    ['500', { status: () => 500 }, /answered 500/],
    ['503', { status: () => 503 }, /answered 503/],
    ['204', { status: () => 204 }, /answered 204/],
    ['a body that is not JSON', { text: () => '<html>' }, /not JSON/],
    ['a body that is nothing', { text: () => 'null' }, /not an object/],
    ['an empty object', { text: () => '{}' }, /no client/],
    ['no Retry-After', { retryAfter: () => undefined }, /Retry-After is undefined, and should be 1/],
    ['a wrong Retry-After', { retryAfter: () => '7' }, /Retry-After is 7, and should be/],
    ['a refusal of a well-behaved client', { wellBehaved: true }, /refused although the client is within its rate/],
    ['answers to somebody else', { client: 'z' }, /got the answer for 'a'/],
  ] satisfies [string, Partial<Given>, RegExp][])('%s', (_name, given, message) => {
    const { problems } = verify({ answers: good(), ...given });
    expect(problems.count).toBeGreaterThan(0);
    expect(problems.first.join('\n')).toMatch(message);
  });

  test('an admission while blocked, and a block that ends too soon', () => {
    const times = Array.from({ length: 40 }, (_, index) => index * 5);
    const answers = answersOf('a', times);
    const blockedAt = answers.findIndex(({ blocked }) => blocked);
    const withAdmission = answers.map((answer, at) => (at === blockedAt + 3 ? { ...answer, admitted: true, retryAfterMs: 0 } : answer));
    expect(verify({ answers: withAdmission }).problems.first.join('\n')).toMatch(/admitted although it was blocked/);
    const tooSoon = answers.map((answer, at) => (at === blockedAt + 3 ? { ...answer, retryAfterMs: 100 } : answer));
    expect(verify({ answers: tooSoon }).problems.first.join('\n')).toMatch(/before the block ends/);
  });

  test('a request without an answer', () => {
    const verifier = new Verifier(policy);
    verifier.onSent({ client: 'a', wellBehaved: true, sentMs: 0 });
    verifier.onUnanswered('a', 'timed out');
    expect(verifier.finish({ logTime: false }).problems).toMatchObject({ byKind: { unanswered: 1, totals: 1 } });
  });

  test('agents whose clock is faster than time', () => {
    // Right by their own clock, which says that a hundred seconds have passed; it was one.
    const answers = answersOf(
      'a',
      Array.from({ length: 100 }, (_, index) => index * 1000),
    );
    const verifier = new Verifier(policy);
    answers.forEach((answer, index) => {
      const sent = { client: 'a', wellBehaved: false, sentMs: index * 10 };
      verifier.onSent(sent);
      verifier.onAnswer(sent, { status: 200, body: JSON.stringify(answer), retryAfter: undefined, receivedMs: index * 10 + 5 });
    });
    expect(verifier.finish({ logTime: false }).problems.first).toEqual([expect.stringMatching(/admitted 100 times in a time that allows 13/)]);
  });

  test('agents that forget their client, to let it in again', () => {
    const verifier = new Verifier(policy);
    for (let life = 1; life <= 20; life++) {
      const sent = { client: 'a', wellBehaved: false, sentMs: life };
      verifier.onSent(sent);
      verifier.onAnswer(sent, { status: 200, body: JSON.stringify({ ...good()[0]!, life }), retryAfter: undefined, receivedMs: life });
    }
    expect(verifier.finish({ logTime: false }).problems.first.join()).toMatch(/admitted 20 times in a time that allows 3/);
  });

  test('a time that is not that of the log', () => {
    const verifier = new Verifier(policy);
    for (const [index, answer] of answersOf('a', [0, 1000]).entries()) {
      const sent = { client: 'a', wellBehaved: false, sentMs: 0, atMs: 5_000_000 + index * 2000 };
      verifier.onSent(sent);
      verifier.onAnswer(sent, { status: 200, body: JSON.stringify(answer), retryAfter: undefined, receivedMs: 1 });
    }
    expect(verifier.finish({ logTime: true }).problems.first).toEqual([expect.stringMatching(/1000 ms after the first, in the log 2000 ms/)]);
  });

  test('a few of very many problems of each kind, and counts them all', () => {
    const { problems } = verify({ answers: Array.from({ length: 500 }, () => good()[0]!) });
    expect(problems.count).toBe(500);
    expect(problems.byKind).toEqual({ sequence: 499, 'admitted in all': 1 });
    expect(problems.first).toHaveLength(6);
    expect(problems.first.at(-1)).toMatch(/admitted 500 times in a time that allows/);
  });
});
