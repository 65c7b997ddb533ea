import fc from 'fast-check';
import { expect, test } from 'vitest';
import { admit, newAdmission } from '../../../examples/rate-limiter/admission.mjs';
import { Traffic } from '../../../examples/rate-limiter/load/traffic.mjs';
import { DEFAULT_POLICY, resolvePolicy } from '../../../examples/rate-limiter/policy.mjs';
import { seededRandom } from '../../../examples/rate-limiter/seeded-random.mjs';

test('a well-behaved client is never refused, however long its requests and answers take', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 2, max: 12 }),
      fc.integer({ min: 1, max: 16 }),
      fc.constantFrom(1, 30, 1500),
      (seed, clients, connections, slownessMs) => {
        const policy = resolvePolicy({ rate: 5, burst: 4 });
        const random = seededRandom(seed);
        const traffic = new Traffic(clients, policy, random);
        const agents = new Map(Array.from({ length: clients }, (_, index) => [`client-${index}`, newAdmission(policy)]));
        // Events of a small network: an answer arrives some time after the request was handled, which is some time after it was sent.
        let nowMs = 1e6;
        const arrivals: { atMs: number; handle: () => void }[] = [];
        const send = (): void => {
          const { client, wellBehaved, index } = traffic.next(nowMs);
          const handledMs = nowMs + random() * slownessMs;
          const answeredMs = handledMs + random() * slownessMs;
          arrivals.push({
            atMs: handledMs,
            handle() {
              const before = agents.get(client);
              if (before === undefined) return;
              const { admission, decision } = admit(before, policy, { atMs: handledMs });
              agents.set(client, admission);
              expect(decision.admitted || !wellBehaved).toBe(true);
            },
          });
          arrivals.push({
            atMs: answeredMs,
            handle() {
              traffic.answered(index, answeredMs);
              send();
            },
          });
        };
        for (let connection = 0; connection < connections; connection++) send();
        for (let events = 0; events < 600; events++) {
          arrivals.sort((a, b) => a.atMs - b.atMs);
          const { atMs, handle } = arrivals.shift()!;
          nowMs = atMs;
          handle();
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('every client asks once before any well-behaved one asks again, and a few hammer', () => {
  const traffic = new Traffic(1000, DEFAULT_POLICY, seededRandom(7));
  const counts = new Map<string, number>();
  for (let request = 0; request < 1400; request++) {
    const { client, index } = traffic.next(request);
    counts.set(client, (counts.get(client) ?? 0) + 1);
    traffic.answered(index, request);
  }
  const good = [...counts].filter(([client]) => client.startsWith('client-'));
  expect(good.every(([, requests]) => requests === 1)).toBe(true);
  expect(good.length).toBeGreaterThan(900);
  expect([...counts].filter(([client]) => client.startsWith('abuser-')).map(([, requests]) => requests > 100)).toEqual([true, true]);
});

test('one client is an abuser', () => {
  const traffic = new Traffic(1, DEFAULT_POLICY, seededRandom(1));
  for (let request = 0; request < 50; request++) expect(traffic.next(request)).toMatchObject({ client: 'abuser-0', wellBehaved: false });
});
