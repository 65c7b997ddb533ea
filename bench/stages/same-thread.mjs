/** The stages of tell, ask, find, spawn and stop where everything is on one thread. */
import { DeadlineWheel, WheelEntry } from '../../dist/ts-src/model/deadline-wheel.js';
import { systemClock } from '../../dist/ts-src/adapters/system-clock.js';
import { AgentCell } from '../../dist/ts-src/runtime/agent-cell.js';
import { CellTable } from '../../dist/ts-src/runtime/cell-table.js';
import { Mailbox } from '../../dist/ts-src/runtime/mailbox.js';
import { PendingAsks } from '../../dist/ts-src/runtime/pending-asks.js';
import { ThreadCounters } from '../../dist/ts-src/runtime/thread-counters.js';
import { spawnOn } from './loopback.mjs';
import { loopOf, OPERATIONS, timed, timedLoop, timedUntil } from './measure.mjs';

const nothing = () => undefined;

/** @param {ReturnType<import('./loopback.mjs').openLoopback>} loopback @param {object} definition of its only kind */
export function sameThreadPaths({ shared, hosts: [host] }, definition) {
  const { cell, from } = spawnOn(host, 'same-thread');
  const ref = from(host);
  const kind = host.kinds.byIndex(0);
  const entry = kind.action('add');
  const { dispatcher } = host;
  const { table } = host.engine;
  const clock = systemClock;
  let seen = 0;

  // Half of each is timed; the other half restores what was before.
  const enqueue = loopOf(() => dispatcher.enqueue(cell, entry, 1, undefined, undefined));
  const tellAll = loopOf(() => ref.tell('add', 1));
  const box = new Mailbox();
  const push = loopOf(() => box.push(entry, 1, undefined, undefined));
  const shift = loopOf(() => box.shift());
  const counters = new ThreadCounters(shared, 1, {
    ...{ dispatcher, lifecycle: host.lifecycle, asks: host.asks, links: host.links, router: host.router },
    agentCount: () => host.cells.size,
  });
  const afterFirst = (first, second) => () => {
    const ns = timed(first);
    second();
    return ns;
  };
  const afterSecond = (first, second) => () => {
    first();
    return timed(second);
  };
  const drain = () => {
    // The budget is per visit of the event loop, of which there is none here.
    dispatcher.beginTurn();
    dispatcher.drain();
  };
  const oneTurn = { name: 'end of a drain: publish counters, flush links', run: timedLoop(() => counters.publish()) };
  const microtask = {
    name: 'a microtask',
    run: () =>
      timedUntil(
        () =>
          new Promise((resolve) => {
            let left = OPERATIONS;
            const step = () => (--left === 0 ? resolve() : queueMicrotask(step));
            queueMicrotask(step);
          }),
      ),
  };

  const tell = {
    title: 'tell, same thread, 1,000 in one turn',
    stages: [
      { name: 'name of the action to its entry', run: timedLoop(() => kind.action('add').index) },
      { name: 'enqueue: status and limit, mailbox push, count', run: afterFirst(enqueue, drain) },
      { name: 'mailbox push alone', within: true, run: afterFirst(push, shift) },
      { name: 'drain: dequeue, context, try, handler call', run: afterSecond(enqueue, drain) },
      { name: 'mailbox shift alone', within: true, run: afterSecond(push, shift) },
      {
        name: 'context of the agent alone',
        within: true,
        run: timedLoop(() => host.contextOf(cell, undefined)),
      },
      { name: 'handler alone', within: true, run: timedLoop(() => entry.handler(cell.state, 1, undefined)) },
      { ...microtask, name: 'microtask, a thousandth', share: 1 / OPERATIONS },
      { ...oneTurn, name: 'end of the drain, a thousandth', share: 1 / OPERATIONS },
    ],
    whole: {
      name: 'ref.tell and its drain',
      run: () =>
        timedUntil(async () => {
          tellAll();
          await undefined;
        }),
    },
    rest: 'router, call overhead',
  };

  const asks = new PendingAsks(clock, 0);
  const wheel = new DeadlineWheel(8, clock.nowMs());
  const entries = Array.from({ length: OPERATIONS }, () => new WheelEntry());
  const target = { kind: 'k', id: 'i' };
  const ask = {
    title: 'ask, same thread, one after the other',
    stages: [
      {
        name: 'promise made, resolved, awaited',
        run: () =>
          timedUntil(async () => {
            for (let index = 0; index < OPERATIONS; index++) seen += await new Promise((resolve) => resolve(1));
          }),
      },
      {
        name: 'pending entry: made, into the wheel, settled, out',
        run: timedLoop(() => asks.open(nothing, nothing, target, 'a', 5000, undefined).reply(1)),
      },
      { name: 'clock alone', within: true, run: timedLoop(() => clock.nowMs()) },
      {
        name: 'wheel alone',
        within: true,
        run: timedLoop((index) => {
          wheel.insert(entries[index], 5e9 + index);
          wheel.remove(entries[index]);
        }),
      },
      { name: 'microtask that drains', run: microtask.run },
      {
        name: 'enqueue and drain of one message',
        // The microtask has a line of its own: `beginTurn` promises a drain, so that none is queued.
        run: timedLoop(() => {
          dispatcher.beginTurn();
          dispatcher.enqueue(cell, entry, 1, undefined, undefined);
          dispatcher.drain();
        }),
      },
      { name: 'clock alone', within: true, run: timedLoop(() => clock.nowMs()) },
      { name: 'end of the drain alone: counters, links', within: true, run: oneTurn.run },
    ],
    whole: {
      name: 'await ref.ask',
      run: () =>
        timedUntil(async () => {
          for (let index = 0; index < OPERATIONS; index++) seen += await ref.ask('read');
        }),
    },
    rest: 'checks of options, closures',
  };

  const names = Array.from({ length: 8 }, (_, index) => {
    spawnOn(host, `hot-${index}`);
    return Buffer.from(`hot-${index}`, 'latin1').toString('latin1');
  });
  const slots = names.map((name) => [table.find(name), table.foundGeneration]);
  const find = {
    title: 'find by name, the same 8 names (at random among many, the memory of the table decides)',
    stages: [
      { name: 'table: encode, hash, bucket, record, compare', run: timedLoop((index) => table.find(names[index & 7])) },
      { name: 'kind of the record', run: timedLoop((index) => table.kindOf(slots[index & 7][0], slots[index & 7][1])) },
      {
        name: 'a reference made',
        run: timedLoop((index) => host.reference(slots[index & 7][0], slots[index & 7][1], 0, names[index & 7]).slot),
      },
    ],
    whole: { name: 'find', run: timedLoop((index) => host.find(names[index & 7], undefined).slot) },
  };

  const spawned = new Array(OPERATIONS);
  const ids = Array.from({ length: OPERATIONS }, (_, index) => `${kind.name}-0.0-${index}`);
  const cells = new CellTable();
  const insert = loopOf((index) => {
    const slot = table.insert(ids[index], 0, undefined, 0);
    spawned[index] = new AgentCell(kind, slot, table.generationOf(slot));
  });
  const remove = loopOf((index) => table.remove(spawned[index].slot, spawned[index].generation));
  let next = 0;
  const spawn = {
    title: 'spawn and stop, same thread, one after the other',
    stages: [
      { name: 'a new name', run: timedLoop(() => `${kind.name}-0.0-${++next}`.length) },
      { name: 'table: insert, generation; the cell', run: afterFirst(insert, remove) },
      { name: 'table: remove', run: afterSecond(insert, remove) },
      { name: 'state, by the definition', run: timedLoop(() => definition.state().n) },
      {
        name: 'cell into the list of the thread, and out',
        run: timedLoop((index) => {
          cells.set(spawned[index]);
          cells.delete(spawned[index]);
        }),
      },
      {
        name: 'two promises awaited',
        share: 2,
        run: () =>
          timedUntil(async () => {
            for (let index = 0; index < OPERATIONS; index++) await Promise.resolve(1);
          }),
      },
    ],
    whole: {
      name: 'await spawn, await stop',
      run: () =>
        timedUntil(async () => {
          for (let index = 0; index < OPERATIONS; index++) await (await host.spawn(definition, { thread: 'local' }, undefined)).stop();
        }),
    },
    rest: 'placement, options, hooks, reference',
  };
  return { paths: [tell, ask, find, spawn], check: () => seen };
}
