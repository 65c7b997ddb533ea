/** One start of a node of a simulated world: its threads, its sockets, its program. When it ends, nothing of it does anything any more. */
import type { Logger } from '../../model/agent-context.js';
import { addressText, type NodeAddress } from '../../model/node-identity.js';
import { SeededRandom } from '../../model/seeded-random.js';
import type { Clock } from '../../ports/clock.js';
import type { Discovery, DiscoveryEvents } from '../../ports/discovery.js';
import type { NodeStateStore } from '../../ports/node-state.js';
import { type Schedule, ThreadGroup, type ThreadLife } from '../schedule.js';
import { drawAt, drawKey, Purpose } from './draws.js';
import { Endpoints, type NetworkHost, type SimulatedNetwork } from './network.js';
import type { NodeClock } from './node-clock.js';
import type { Program, ProgramSurroundings, RunningProgram } from './program.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { simulatedNodeState } from './simulated-node-state.js';
import { SimulatedWire } from './wire.js';

/** What the clock of a process shows when it begins, at most: as long as it takes to start. */
const BOOT_MS_MAX = 1000;

export interface ProcessNeeds {
  readonly seed: number;
  readonly host: NetworkHost;
  readonly restarts: number;
  readonly order: number;
  readonly clock: NodeClock;
  readonly schedule: Schedule;
  readonly network: SimulatedNetwork;
  readonly disk: SimulatedDisk;
  readonly logger: Logger;
  /** Names of the machines whose process runs. */
  running(): readonly string[];
  note(text: string, mark: 'event' | 'agent'): void;
  exited(code: number): void;
  failed(error: unknown): void;
}

export class SimulatedProcess<R extends RunningProgram = RunningProgram> {
  readonly endpoints: Endpoints;
  readonly threads: ThreadGroup;
  readonly life: ThreadLife;
  readonly clock: Clock;
  /** As soon as the program has started. */
  program: R | undefined;
  readonly #needs: ProcessNeeds;
  readonly #key: string;

  constructor(needs: ProcessNeeds) {
    this.#needs = needs;
    const { seed, host, restarts, order, schedule, clock } = needs;
    this.#key = `${host.name}#${restarts}`;
    this.endpoints = new Endpoints(host);
    this.threads = new ThreadGroup(schedule, order, new SeededRandom(seed, `schedule of ${this.#key}`));
    // Rounded, and another one each time: who compares times of two processes notices.
    const bootMs = Math.ceil(drawAt(drawKey(seed, this.#key), Purpose.boot, 0) * BOOT_MS_MAX);
    this.clock = clock.forProcess(bootMs);
    this.life = this.threads.begin(0, this.clock);
  }

  get isAlive(): boolean {
    return this.endpoints.isOpen;
  }

  run(program: Program<R>): void {
    const surroundings = this.#surroundings();
    this.life.post(() => {
      void this.#start(program, surroundings);
    });
  }

  /** Nothing of it goes on. @param isSilent its peers are not told */
  end(isSilent: boolean): void {
    if (!this.isAlive) return;
    this.endpoints.end(isSilent);
    this.threads.end();
  }

  async #start(program: Program<R>, surroundings: ProgramSurroundings): Promise<void> {
    try {
      const running = await program.start(surroundings);
      if (!this.isAlive) return;
      this.program = running;
      this.life.hasPromises = program.hasPromises ?? true;
    } catch (error) {
      if (this.isAlive) this.#needs.failed(error);
    }
  }

  #surroundings(): ProgramSurroundings {
    const { seed, host, restarts, network, disk, logger, schedule } = this.#needs;
    const { life, threads, endpoints } = this;
    const random = new SeededRandom(seed, `program of ${this.#key}`);
    return {
      number: host.number,
      name: host.name,
      restarts,
      clock: life.clock,
      random: () => random.next(),
      randomOf: (purpose) => new SeededRandom(seed, `${purpose} of ${this.#key}`),
      wire: new SimulatedWire(network, endpoints, life),
      disk,
      state: settling(simulatedNodeState(disk), schedule),
      openDatagrams: (port, events) => {
        schedule.unsettled();
        try {
          return Promise.resolve(network.openDatagrams(endpoints, life, port, events));
        } catch (error) {
          return Promise.reject(error);
        }
      },
      staticDiscovery: (addresses) => staticDiscovery(addresses, life),
      changingDiscovery: (port, intervalMs) => changingDiscovery(() => this.#needs.running().map((name) => ({ host: name, port })), intervalMs, life),
      logger,
      life,
      beginThread: (thread) => threads.begin(thread, this.clock),
      threads,
      note: (text, mark = 'event') => this.#needs.note(text, mark),
      exit: (code) => this.#needs.exited(code),
    };
  }
}

/** Whoever calls it waits for a promise. */
function settling({ load, save }: NodeStateStore, schedule: Schedule): NodeStateStore {
  return {
    load() {
      schedule.unsettled();
      return load();
    },
    save(bytes) {
      schedule.unsettled();
      return save(bytes);
    },
  };
}

function staticDiscovery(addresses: readonly NodeAddress[], life: ThreadLife): Discovery {
  let isClosed = false;
  return {
    description: `static: ${addresses.map(addressText).join(', ')}`,
    isStatic: true,
    start: (_self, events) => life.post(() => (isClosed ? undefined : events.discovered(addresses))),
    close: () => {
      isClosed = true;
    },
  };
}

function changingDiscovery(addresses: () => readonly NodeAddress[], intervalMs: number, life: ThreadLife): Discovery {
  let cancel: (() => void) | undefined;
  let known = '';
  const ask = (events: DiscoveryEvents): void => {
    const found = addresses();
    const text = found.map(addressText).join(' ');
    if (text !== known) events.discovered(found);
    known = text;
    cancel = life.clock.after(intervalMs, () => ask(events));
  };
  return {
    description: 'simulated: the nodes that run',
    isStatic: false,
    start: (_self, events) => {
      cancel = life.clock.after(0, () => ask(events));
    },
    close: () => cancel?.(),
  };
}
