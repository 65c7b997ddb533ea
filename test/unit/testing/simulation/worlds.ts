/** Worlds for the tests of the simulation: nodes that do what the test says. */
import type { RunningProgram } from '../../../../dist/ts-src/testing/simulation/program.js';
import type { Program, ProgramSurroundings } from '../../../../dist/ts-src/testing/simulation/program.js';
import type { SimulatedNode } from '../../../../dist/ts-src/testing/simulation/simulated-node.js';
import { Trace } from '../../../../dist/ts-src/testing/simulation/trace.js';
import { SimulatedWorld } from '../../../../dist/ts-src/testing/simulation/world.js';

/** A program that hands its surroundings out. */
export interface Open extends RunningProgram {
  readonly surroundings: ProgramSurroundings;
}

export type OpenNode = SimulatedNode<Open>;

export function openProgram(started: (surroundings: ProgramSurroundings) => void | Promise<void> = () => undefined, hasPromises = true): Program<Open> {
  return {
    hasPromises,
    async start(surroundings) {
      await started(surroundings);
      return { surroundings };
    },
  };
}

export interface OpenWorld {
  readonly world: SimulatedWorld;
  readonly trace: Trace;
  readonly nodes: readonly OpenNode[];
  /** Of a node, by its number. */
  at(number: number): ProgramSurroundings;
}

/** Nodes `n1`, `n2` and so on, which have started. */
export async function openWorld(count: number, seed = 1, program: Program<Open> = openProgram()): Promise<OpenWorld> {
  const trace = new Trace({ entriesMax: 100_000 });
  const world = new SimulatedWorld({ seed, trace });
  const nodes = Array.from({ length: count }, (_, index) => world.add(`n${index + 1}`, program));
  for (const node of nodes) node.start();
  await world.run();
  return { world, trace, nodes, at: (number) => (nodes[number - 1]?.program as Open).surroundings };
}

/** What arrives at a socket, with the time at which it does. */
export interface Arrival {
  readonly atMs: number;
  readonly from: string;
  readonly number: number;
}

/** Listens for datagrams that carry numbers. */
export async function numbersAt({ world, at }: OpenWorld, node: number, port = 7400): Promise<Arrival[]> {
  const arrivals: Arrival[] = [];
  await at(node).openDatagrams(port, {
    received: (from, bytes) => arrivals.push({ atMs: world.nowMs, from: from.host, number: bytes.length < 4 ? -1 : Buffer.from(bytes).readUInt32LE(0) }),
    refused: () => undefined,
  });
  return arrivals;
}

export function numbered(number: number, bytes = 4): Uint8Array {
  const frame = Buffer.alloc(bytes);
  frame.writeUInt32LE(number);
  return new Uint8Array(frame);
}

/** Sends numbers from 0, one each so many milliseconds. */
export async function sendNumbers({ world, at }: OpenWorld, from: number, to: string, count: number, everyMs = 10): Promise<void> {
  const socket = await at(from).openDatagrams(0, { received: () => undefined, refused: () => undefined });
  for (let number = 0; number < count; number++) {
    socket.send({ host: to, port: 7400 }, numbered(number));
    await world.advance(everyMs);
  }
}
