/** The machines of whole trees against the model of what Erlang/OTP says. `NEXUS_SEQUENCES` sets how many. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MachineTree } from './machine-tree.js';
import { OtpModel, type SupervisorTree } from './otp-model.js';
import { happenings, type Happening, placesOf, trees } from './sequences.js';

const SEQUENCES = Number(process.env['NEXUS_SEQUENCES'] ?? 100_000);

test('random trees with random crashes, ends and commands do what Erlang says, in the same order', { timeout: 600_000 }, () => {
  let restarts = 0;
  let failures = 0;
  let happened = 0;
  fc.assert(
    fc.property(trees, happenings(true), (tree, sequence) => {
      const { log, isOver } = compare(tree, sequence);
      happened += sequence.length;
      restarts += log.filter((line) => line.startsWith('start')).length - placesOf(tree).workers.length;
      if (isOver) failures++;
    }),
    { numRuns: SEQUENCES },
  );
  // They are worth something only if much happens in them.
  expect(happened).toBeGreaterThan(SEQUENCES);
  expect(restarts).toBeGreaterThan(SEQUENCES);
  expect(failures).toBeGreaterThan(SEQUENCES / 50);
});

function compare(tree: SupervisorTree, sequence: readonly Happening[]): { readonly log: readonly string[]; readonly isOver: boolean } {
  const model = new OtpModel(tree);
  const machines = new MachineTree(tree);
  const { workers, supervisors } = placesOf(tree);
  const agree = (what: unknown): void =>
    same(what, stateOf(machines.log, [...machines.workers.keys()], machines.isOver), stateOf(model.log, model.running(), model.isOver));
  same('boot', machines.boot(), model.boot());
  agree('boot');
  let added = 0;
  for (const happening of sequence) {
    if (happening.type === 'pass') {
      model.nowMs += happening.ms;
      machines.nowMs += happening.ms;
    } else if (happening.type === 'add') {
      const supervisor = supervisors[happening.supervisor % supervisors.length] as string;
      const specification = { id: `${supervisor}+${added++}`, restart: happening.restart };
      workers.push({ id: specification.id, parent: supervisor });
      same(happening, machines.add(supervisor, specification), model.add(supervisor, specification));
    } else if (workers.length > 0) {
      const { id, parent } = workers[happening.worker % workers.length] as { id: string; parent: string };
      switch (happening.type) {
        case 'crash':
        case 'end':
          model[happening.type](id);
          machines[happening.type](id);
          break;
        case 'failStarts':
          model.failNextStarts.set(id, happening.count);
          machines.failNextStarts.set(id, happening.count);
          break;
        default:
          same(happening, machines.command(parent, happening.type, id), model[happening.type](parent, id));
      }
    }
    agree(happening);
  }
  const isOver = model.isOver;
  model.stop();
  machines.stop();
  agree('stop');
  return { log: model.log, isOver };
}

function stateOf(log: readonly string[], running: readonly string[], isOver: boolean): string {
  return `${log.join()} | ${[...running].sort().join()} | ${isOver}`;
}

/** `expect` is too slow to be called for every one of them. */
function same(what: unknown, actual: unknown, expected: unknown): void {
  if (actual !== expected) expect(actual, JSON.stringify(what)).toBe(expected);
}
