/** What it takes to decide which of 1,000 members on two other threads gets a message, without sending it. The loads that decide are in shared memory and change meanwhile. */
import { SeededRandom } from '../../../dist/ts-src/model/seeded-random.js';
import { GroupMember, GroupView } from '../../../dist/ts-src/runtime/group-view.js';
import { GroupRotations } from '../../../dist/ts-src/runtime/group-rotations.js';
import { MemberLoads } from '../../../dist/ts-src/runtime/member-loads.js';
import { createSharedMemory } from '../../../dist/bindings/shared-memory.js';
import { throughput } from '../../harness/measure.mjs';
import { BY_KEY, JOIN, LEAST_LOADED, MEMBERS, ROUND_ROBIN, TWO_CHOICES } from './case-names.mjs';
import { choiceNs, KEYS } from './choices.mjs';

export async function run(size, report) {
  const shared = createSharedMemory({ threadCount: 3, recordCapacity: 2 ** 16, ringBytes: 2 ** 14 }, [1, 2]);
  const loads = new MemberLoads(shared);
  const random = new SeededRandom(1, 'bench');
  const rotations = new GroupRotations(shared, console);
  let turn = 0;
  const view = new GroupView({
    rotation: () => rotations.of('bench'),
    random: () => random.next(),
    nowMs: () => performance.now(),
    turn: () => turn,
    loadOf: ({ ref }) => loads.read(ref.slot),
  });
  const member = (number) => new GroupMember({ slot: number * 16 + 1, id: `member-${number}`, equals: () => false }, 1 + (number & 1));
  for (let number = 0; number < MEMBERS; number++) {
    view.replace(member(number));
    loads.write(number * 16 + 1, number % 7);
  }
  const choose = (routing) => (index) => {
    // Somebody's load changes with every choice, and a turn has 64 of them.
    loads.write((index % MEMBERS) * 16 + 1, index % 11);
    if ((index & 63) === 0) turn++;
    const chosen = view.choose(routing, KEYS[index & 4095], undefined);
    if (routing === 'powerOfTwoChoices' && (index & 15) === 0) chosen.latency.observe(index % 50, performance.now());
    return chosen;
  };
  report.value(ROUND_ROBIN, 'ns', await choiceNs(size, choose('roundRobin')));
  report.value(LEAST_LOADED, 'ns', await choiceNs(size, choose('leastLoaded')));
  report.value(TWO_CHOICES, 'ns', await choiceNs(size, choose('powerOfTwoChoices')));
  report.value(BY_KEY, 'ns', await choiceNs(size, choose('consistentHash')));
  // All routings keep what they need up to date, and one choice by key pays for the change of the ring.
  const one = member(500);
  const changes = await throughput(
    size,
    (n) => {
      for (let index = 0; index < n; index++) {
        view.remove(one.ref.slot, one.thread);
        view.choose('consistentHash', 'key', undefined);
        view.replace(one);
        view.choose('consistentHash', 'key', undefined);
      }
    },
    2,
  );
  report.value(JOIN, 'ns', 1e9 / changes);
}
