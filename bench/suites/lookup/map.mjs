/** A Map in the heap of one thread. */
import { hotNames, nameOf, namesInRandomOrder, titles } from './names.mjs';
import { lookupNs } from './passes.mjs';

export async function run(size, report) {
  const agents = size.lookupAgents;
  const title = titles(agents);
  const states = new Map();
  for (let index = 0; index < agents; index++) states.set(nameOf(index), { n: index });
  const order = namesInRandomOrder(agents);
  const find = (name) => states.get(name);
  report.value(title.random, 'ns', await lookupNs(size, order, find));
  report.value(title.hot, 'ns', await lookupNs(size, hotNames(order), find));
}
