/** The failure detector with its defaults, many of them in one queue of events. */
import { busyCase, idleCase, knownCase, METADATA, slowCase, UNREACHABLE } from './case-names.mjs';
import { reportFalsePositives } from './slow-nodes.mjs';
import { knownMs, messagesPerNodeAndSecond, metadataMs, spreadMs } from './spreading.mjs';

export function run(size, report) {
  const { membershipNodes: nodes, membershipSeeds: seeds } = size;
  report.value(METADATA, 'ms', metadataMs(nodes, seeds));
  report.value(UNREACHABLE, 'ms', spreadMs(nodes, seeds, false));
  for (const count of [5, nodes]) {
    report.value(knownCase(count, 'killed'), 'ms', knownMs(count, seeds, true));
    report.value(knownCase(count, 'silent'), 'ms', knownMs(count, seeds, false));
  }
  reportFalsePositives(size, report, slowCase, {});
  for (const count of size.membershipCurve) report.value(idleCase(count), 'messages/node/s', messagesPerNodeAndSecond(count, 1, Number.POSITIVE_INFINITY));
  for (const count of size.membershipCurve) report.value(busyCase(count), 'messages/node/s', messagesPerNodeAndSecond(count, 1, 1000));
}
