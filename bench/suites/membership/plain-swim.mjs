/** Without either of what Lifeguard calls local health aware, probes and suspicions: SWIM of 2002, but for the buddy system. */
import { slowCase } from './case-names.mjs';
import { reportFalsePositives } from './slow-nodes.mjs';

export function run(size, report) {
  reportFalsePositives(size, report, slowCase, { localHealth: false, suspicionMaxFactor: 1 });
}
