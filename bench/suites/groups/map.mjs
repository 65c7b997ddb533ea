/** A Map from each key to its member, filled before: what a choice by key costs where somebody has decided already. */
import { BY_KEY, MEMBERS } from './case-names.mjs';
import { choiceNs, KEYS } from './choices.mjs';

export async function run(size, report) {
  const members = Array.from({ length: MEMBERS }, (_, number) => ({ number }));
  const owners = new Map(KEYS.map((key, index) => [key, members[index % MEMBERS]]));
  report.value(BY_KEY, 'ns', await choiceNs(size, (index) => owners.get(KEYS[index & 4095])));
}
