/** The wire of a simulated network on which nothing goes wrong passes the suite of all wires. */
import { test } from 'vitest';
import { wireConformance } from '../../dist/ts-src/testing/conformance/wire-conformance.js';
import { SimulatedWorld } from '../../dist/ts-src/testing/simulation/world.js';
import { openProgram, type OpenNode } from '../unit/testing/simulation/worlds.js';

for (const seed of [1, 2, 3])
  wireConformance(
    (name, run) => test(`seed ${seed}: ${name}`, run),
    async () => {
      const world = new SimulatedWorld({ seed });
      const ready: OpenNode[] = [];
      for (let number = 1; number <= 4; number++) {
        const node = world.add(`n${number}`, openProgram());
        node.start();
        ready.push(node);
      }
      await world.run();
      return {
        open() {
          const { surroundings } = ready.shift()?.program ?? {};
          if (surroundings === undefined) throw new Error('the world has no more nodes');
          return { wire: surroundings.wire, host: surroundings.name };
        },
        async until(condition) {
          if (!(await world.until(condition, 120_000))) throw new Error(`not within two minutes of the world: ${condition.toString()}`);
        },
        async close() {
          world.close();
        },
      };
    },
  );
