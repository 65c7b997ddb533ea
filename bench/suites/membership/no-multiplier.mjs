/** Without the local health multiplier: nodes are always equally patient. */
import { slowCase } from './case-names.mjs';
import { reportFalsePositives } from './slow-nodes.mjs';

export function run(size, report) {
  reportFalsePositives(size, report, slowCase, { localHealth: false });
}
