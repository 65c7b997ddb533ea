/** The routing table of the engine that runs, without agents: one thread, default capacity. */
import { chooseEngine } from '../../../dist/bindings/choose-engine.js';
import { createSharedMemory } from '../../../dist/bindings/shared-memory.js';
import { assertDone, throughput } from '../../harness/measure.mjs';
import { hotNames, nameOf, namesInRandomOrder, shuffled } from '../lookup/names.mjs';
import { lookupNs } from '../lookup/passes.mjs';
import { caseNames, LIST } from './case-names.mjs';
import { changesNs, newNames } from './changes.mjs';
import { capacityFor } from './footprint.mjs';

export async function run(size, report) {
  const names = size.lookupAgents;
  const title = caseNames(names);
  const engine = chooseEngine({});
  report.note('engine', `${engine.report.kind}: ${engine.report.reason}`);
  const shared = createSharedMemory({ threadCount: 1, recordCapacity: capacityFor(names), ringBytes: 2 ** 14 }, [0x243f6a88, 0x85a308d3]);
  const { table } = engine.open(shared, 0, { spinMicroseconds: 0 });
  const slots = new Int32Array(names);
  const generations = new Int32Array(names);
  for (let index = 0; index < names; index++) {
    slots[index] = table.insert(nameOf(index), 1, undefined, 0);
    generations[index] = table.generationOf(slots[index]);
  }
  const order = namesInRandomOrder(names);
  const find = (name) => (table.find(name) === 0 ? undefined : table);
  report.value(title.findRandom, 'ns', await lookupNs(size, order, find));
  report.value(title.findHot, 'ns', await lookupNs(size, hotNames(order), find));
  report.value(title.findList, 'ns', await findListNs(size, table, order));

  const random = shuffled(names);
  report.value(title.referenceRandom, 'ns', await referenceNs(size, table, slots, generations, random));
  report.value(title.referenceHot, 'ns', await referenceNs(size, table, slots, generations, random.subarray(0, 8)));

  const { fresh, order: removals } = newNames(names);
  const inserted = new Int32Array(fresh.length);
  const generationOfInserted = new Int32Array(fresh.length);
  const one = changesNs(
    size,
    fresh.length,
    () => {
      for (let index = 0; index < fresh.length; index++) inserted[index] = table.insert(fresh[index], 1, undefined, 0);
    },
    () => {
      for (const index of removals) if (!table.remove(inserted[index], table.generationOf(inserted[index]))) throw new Error(`${fresh[index]} was not there`);
    },
  );
  report.value(title.insert, 'ns', one.insertNs);
  report.value(title.remove, 'ns', one.removeNs);
  assertDone(table.statistics().live === names, 'insertions and removals do not agree');

  const lists = listsOf(fresh);
  const addresses = listsOf(removals).map((list) => new Int32Array(list.length * 2));
  const many = changesNs(
    size,
    fresh.length,
    () => {
      let at = 0;
      for (const list of lists) {
        const rows = table.insertMany(list, 1, undefined, 0);
        for (let row = 0; row < rows.length; row += 2, at++) {
          inserted[at] = rows[row];
          generationOfInserted[at] = rows[row + 1];
        }
      }
    },
    () => {
      let at = 0;
      for (const list of addresses) {
        for (let row = 0; row < list.length; row += 2, at++) {
          list[row] = inserted[removals[at]];
          list[row + 1] = generationOfInserted[removals[at]];
        }
        if (table.removeMany(list) !== list.length / 2) throw new Error('not all of a list were there');
      }
    },
  );
  report.value(title.insertList, 'ns', many.insertNs);
  report.value(title.removeList, 'ns', many.removeNs);
  assertDone(table.statistics().live === names, 'insertions and removals of lists do not agree');

  const few = hotNames(fresh);
  let next = 0;
  const perSecond = await throughput(size, (n) => {
    for (let index = 0; index < n; index++) {
      const slot = table.insert(few[next], 1, undefined, 0);
      if (!table.remove(slot, table.generationOf(slot))) throw new Error('was not there');
      next = next + 1 === few.length ? 0 : next + 1;
    }
  });
  report.value(title.insertHot, 'ns', 1e9 / perSecond);
}

function listsOf(names) {
  return Array.from({ length: Math.ceil(names.length / LIST) }, (_, list) => names.slice(list * LIST, (list + 1) * LIST));
}

async function findListNs(size, table, names) {
  const lists = listsOf(names).filter((list) => list.length === LIST);
  let next = 0;
  const perSecond = await throughput(
    size,
    (n) => {
      let found = 0;
      for (let index = 0; index < n; index += LIST) {
        const rows = table.findMany(lists[next]);
        for (let row = 0; row < rows.length; row += 3) if (rows[row] !== 0) found++;
        next = next + 1 === lists.length ? 0 : next + 1;
      }
      if (found !== n) throw new Error(`${found} of ${n} names were found`);
    },
    LIST,
  );
  return 1e9 / perSecond;
}

/** What a send to an agent of another thread costs of the table: is it alive, and where. */
async function referenceNs(size, table, slots, generations, order) {
  let next = 0;
  const perSecond = await throughput(size, (n) => {
    for (let index = 0; index < n; index++) {
      const agent = order[next];
      if (table.threadOf(slots[agent], generations[agent]) !== 0) throw new Error('is not alive');
      next = next + 1 === order.length ? 0 : next + 1;
    }
  });
  return 1e9 / perSecond;
}
