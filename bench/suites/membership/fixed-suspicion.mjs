/** With the local health multiplier, but every suspicion has the least time from its beginning. */
import { slowCase } from './case-names.mjs';
import { reportFalsePositives } from './slow-nodes.mjs';

export function run(size, report) {
  reportFalsePositives(size, report, slowCase, { suspicionMaxFactor: 1 });
}
