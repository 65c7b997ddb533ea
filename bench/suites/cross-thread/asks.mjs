/** The ask cases, the same for every peer that has a request and a reply. */
import { openLoop, parkedRoundTrip, pipelined, roundTrip } from '../../harness/measure.mjs';
import {
  ASK_HOT_MEAN,
  ASK_HOT_P50,
  ASK_PARKED_P50,
  ASK_PIPELINED,
  OPEN_LOOP_P50,
  OPEN_LOOP_P99,
  OPEN_LOOP_P999,
  OPEN_LOOP_SHARE,
  OUTSTANDING,
} from './case-names.mjs';
import { QUESTION } from './messages.mjs';

/** @param {(value: object) => Promise<{ id: number }>} ask */
export async function reportAsks(size, report, ask) {
  const reply = await ask(QUESTION(7));
  if (reply.id !== 7 || reply.price !== 7.5 || reply.tag !== QUESTION(7).tag) throw new Error(`the reply is ${JSON.stringify(reply)}`);
  const operation = (index) => ask(QUESTION(index));

  const { p50Ns, meanNs } = await roundTrip(size, operation);
  report.value(ASK_HOT_P50, 'ns', p50Ns);
  report.value(ASK_HOT_MEAN, 'ns', meanNs);
  report.value(ASK_PARKED_P50, 'ns', await parkedRoundTrip(size, operation));

  const capacity = await pipelined(size, OUTSTANDING, operation);
  report.value(ASK_PIPELINED, 'asks/s', capacity);
  const open = await openLoop(capacity * OPEN_LOOP_SHARE, size.openLoopMs, operation);
  report.value(OPEN_LOOP_P50, 'ns', open.p50Ns);
  report.value(OPEN_LOOP_P99, 'ns', open.p99Ns);
  report.value(OPEN_LOOP_P999, 'ns', open.p999Ns);
}
