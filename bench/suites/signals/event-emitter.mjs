/** `node:events`: exact names, listeners called at once. */
import { EventEmitter } from 'node:events';
import { assertDone, throughput } from '../../harness/measure.mjs';
import { BATCH, HERE, NOBODY } from './case-names.mjs';

export async function run(size, report) {
  const emitter = new EventEmitter();
  let count = 0;
  let sum = 0;
  emitter.on('bench.signal.here', (value) => {
    count++;
    sum = (sum + value) | 0;
  });
  const emit = (topic) => (n) => {
    for (let value = 0; value < n; value++) emitter.emit(topic, value);
  };
  report.value(NOBODY, 'ns', 1e9 / (await throughput(size, emit('bench.signal.nobody'))));
  const toOne = emit('bench.signal.here');
  const perSecond = await throughput(
    size,
    (n) => {
      const before = count;
      toOne(n);
      assertDone(count - before === n, `${count - before} of ${n} were handled`);
    },
    BATCH,
  );
  report.value(HERE, 'ns', 1e9 / perSecond);
  report.note('sum', String(sum));
}
