/** An array of members in the heap of one thread, which nobody joins or leaves: a position that goes round, and a scan for the least load. */
import { LEAST_LOADED, MEMBERS, ROUND_ROBIN } from './case-names.mjs';
import { choiceNs } from './choices.mjs';

export async function run(size, report) {
  const members = Array.from({ length: MEMBERS }, (_, number) => ({ number, load: number % 7 }));
  let position = 0;
  report.value(ROUND_ROBIN, 'ns', await choiceNs(size, () => members[position++ % members.length]));
  const least = (index) => {
    members[index % MEMBERS].load = index % 11;
    let best = members[0];
    for (const member of members) if (member.load < best.load) best = member;
    best.load++;
    return best;
  };
  report.value(LEAST_LOADED, 'ns', await choiceNs(size, least));
}
