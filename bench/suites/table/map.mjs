/** A Map in the heap of one thread: the same names and the same orders. */
import { assertDone, throughput } from '../../harness/measure.mjs';
import { hotNames, nameOf, namesInRandomOrder } from '../lookup/names.mjs';
import { lookupNs } from '../lookup/passes.mjs';
import { caseNames } from './case-names.mjs';
import { changesNs, newNames } from './changes.mjs';

export async function run(size, report) {
  const names = size.lookupAgents;
  const title = caseNames(names);
  const map = new Map();
  for (let index = 0; index < names; index++) map.set(nameOf(index), { n: index });
  const order = namesInRandomOrder(names);
  const find = (name) => map.get(name);
  report.value(title.findRandom, 'ns', await lookupNs(size, order, find));
  report.value(title.findHot, 'ns', await lookupNs(size, hotNames(order), find));

  const { fresh, order: removals } = newNames(names);
  const { insertNs, removeNs } = changesNs(
    size,
    fresh.length,
    () => {
      for (let index = 0; index < fresh.length; index++) map.set(fresh[index], { n: index });
    },
    () => {
      for (const index of removals) if (!map.delete(fresh[index])) throw new Error(`${fresh[index]} was not there`);
    },
  );
  report.value(title.insert, 'ns', insertNs);
  report.value(title.remove, 'ns', removeNs);
  assertDone(map.size === names, 'insertions and removals do not agree');

  const few = hotNames(fresh);
  let next = 0;
  const perSecond = await throughput(size, (n) => {
    for (let index = 0; index < n; index++) {
      map.set(few[next], { n: index });
      if (!map.delete(few[next])) throw new Error('was not there');
      next = next + 1 === few.length ? 0 : next + 1;
    }
  });
  report.value(title.insertHot, 'ns', 1e9 / perSecond);
}
