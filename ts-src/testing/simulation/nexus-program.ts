/**
 * A whole node: a nexus as `createNexus` makes it, with simulated threads, and the membership and the transport of its cluster over the simulated network. Fenced, it does what `nexus run` does: its
 * agents are stopped, and the process ends.
 */
import type { StorageSource } from '../../ports/storage.js';
import { openControlConnections } from '../../cluster/control-connections.js';
import { openMembershipBeside } from '../../cluster/membership-beside.js';
import { NodeParts } from '../../cluster/node-parts.js';
import { openTransport } from '../../cluster/transport/session-transport.js';
import { composeNexus } from '../../create-nexus.js';
import { NexusError } from '../../errors.js';
import type { AgentContext } from '../../model/agent-context.js';
import type { NodeStanding } from '../../model/cluster-snapshot.js';
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';
import { Nexus } from '../../nexus.js';
import { type NexusOptions, resolveOptions } from '../../options.js';
import type { MembershipConfiguration, MembershipEvent, MembershipMachine, MembershipSnapshot } from '../../protocols/membership/membership.js';
import { NONCE_BYTES } from '../../protocols/wire/handshake-messages.js';
import { packageVersion } from '../../runtime/package-version.js';
import { SimulatedThreads } from '../simulated-threads.js';
import { eventText } from './membership-program.js';
import type { Program, ProgramSurroundings, RunningProgram } from './program.js';
import { simulatedStorage } from './simulated-storage.js';

export const MEMBERSHIP_PORT = 7400;
const STOP_MS = 5000;
/** The default of `timing.stopMarginMs`. */
const STOP_MARGIN_MS = 1000;
/** Of `nexus run`, when the node is fenced. */
const FENCED_EXIT_CODE = 3;
const FAILED_EXIT_CODE = 1;

export interface NexusProgramOptions {
  /** Of every node; `cluster` without what is of one node. */
  readonly nexus: NexusOptions;
  readonly seeds: readonly NodeAddress[];
  /** Whether durable agents are kept on the disk of the node. */
  readonly hasStorage: boolean;
  /** In the place of a disk of its own: a store that all nodes share. */
  readonly sharedStorage?: StorageSource | undefined;
  machine(configuration: MembershipConfiguration): MembershipMachine;
  /** With each nexus, when it has started. */
  started?(nexus: Nexus): unknown;
  /** Told of everything that the membership of a node says, before the node is. */
  happened?(start: ObservedMembership, event: MembershipEvent): void;
  /** Before a handler or hook runs, on whichever thread. */
  handled?(start: ObservedMembership, parts: NodeParts | undefined, ctx: AgentContext, what: string): void;
}

/** What one start of a node is in its cluster, for whoever looks at all of them. */
export interface ObservedMembership {
  readonly self: NodeIdentity;
  readonly standing: NodeStanding;
  /** Whether its lease lets agents run. */
  readonly runs: boolean;
  /** Whether handlers may begin: while its lease runs, and for as long after it as agents have to stop. */
  readonly handles: boolean;
  /** Of the cluster that it was told of last: another one when all nodes were lost, and a new one was founded. */
  readonly clusterId: string | undefined;
  snapshot(): MembershipSnapshot | undefined;
}

/** One start of such a node. */
export interface NexusStart extends RunningProgram {
  readonly observed: ObservedMembership;
  readonly nexus: Nexus;
  readonly parts: NodeParts;
  /** As a crash of a worker. False if there is no such thread, or it is not there now. */
  killThread(thread: number): boolean;
}

export function nexusProgram(options: NexusProgramOptions): Program<NexusStart> {
  return {
    start: (surroundings) =>
      startNexus(options, surroundings).catch((error: unknown) => {
        if (!(error instanceof NexusError && error.code.startsWith('NEXUS_STORE_'))) throw error;
        if (error.code === 'NEXUS_STORE_CORRUPT') {
          surroundings.note('an operator replaces its disk');
          surroundings.disk.erase();
        }
        // A disk that fails when a nexus starts ends its process, as it ends `nexus run`.
        surroundings.note(`cannot start: ${error.message}`);
        surroundings.exit(FAILED_EXIT_CODE);
        return new Promise<never>(() => undefined);
      }),
  };
}

async function startNexus(
  { nexus: given, seeds, hasStorage, sharedStorage, machine, happened, started, handled }: NexusProgramOptions,
  surroundings: ProgramSurroundings,
): Promise<NexusStart> {
  const { name, life, threads, clock, wire, state, logger, note, exit, disk } = surroundings;
  const nonces = surroundings.randomOf('nonces');
  const nonce = (): Uint8Array => Uint8Array.from({ length: NONCE_BYTES }, () => Math.floor(nonces.next() * 256));
  const seed = Math.floor(surroundings.random() * 2 ** 32);
  const observed = new ObservedNode(name, surroundings);
  const resolved = resolveOptions({
    logger,
    ...given,
    memory: { agentsMax: 4096, ringBytes: 65_536, ...given.memory },
    cluster: { ...given.cluster, node: name, listen: { host: name, port: MEMBERSHIP_PORT } },
    ...(hasStorage ? { storage: sharedStorage ?? simulatedStorage(disk, () => observed.storeBroken()) } : {}),
    seed,
  });
  const nexusThreads = new SimulatedThreads({
    threads,
    calling: life,
    begin: (thread) => surroundings.beginThread(thread),
    random: surroundings.randomOf('table'),
    started: () => undefined,
    handled(ctx, what) {
      note(`${ctx.self.kind} '${ctx.id}' ${what}`, 'agent');
      handled?.(observed, parts, ctx, what);
    },
  });
  let parts: NodeParts | undefined;
  const nexus = await composeNexus(resolved, {
    ...nexusThreads.surroundings(),
    nexus: (...parts) => new Nexus(...parts),
    cluster: {
      clock,
      watchesEventLoops: false,
      openMembership: (needs, listener) =>
        openMembershipBeside(
          {
            ...needs,
            hostname: name,
            version: packageVersion(),
            machine: (configuration) => observed.watched(machine(configuration)),
            surroundings: {
              clock,
              random: () => surroundings.random(),
              openDatagrams: (events) => openControlConnections({ wire, clock, options: needs.options, advertise: name, events, nonce }),
              discovery: surroundings.staticDiscovery(seeds),
              state,
            },
          },
          {
            happened(event) {
              note(eventText(event));
              if (event.type === 'view') observed.clusterId = event.clusterId;
              else if (event.type === 'standing' && event.standing === 'fenced') observed.fencedAtMs = clock.nowMs();
              happened?.(observed, event);
              listener.happened(event);
            },
            lost: (error) => listener.lost(error),
          },
        ),
      async openTransport({ options, self, advertise, logger: transportLogger, events, references }) {
        const transport = await openTransport(
          {
            ...{ self, cluster: options.name, advertise, logger: transportLogger, events },
            listen: { host: name, port: options.listen.dataPort },
            references,
          },
          { clock, random: () => surroundings.random(), wire, nonce },
        );
        return { transport, close: (deadlineMs) => transport.close(deadlineMs) };
      },
      openParts(needs) {
        parts = new NodeParts({ ...needs, clock, random: () => surroundings.random() });
        return parts;
      },
    },
  });
  await started?.(nexus);
  nexus.on('fenced', () => void nexus.stop().finally(() => exit(FENCED_EXIT_CODE)));
  return {
    nexus,
    observed,
    parts: parts as unknown as NodeParts,
    async stop() {
      await nexus.stop({ deadlineMs: STOP_MS });
    },
    killThread(thread) {
      const worker = nexusThreads.worker(thread);
      if (worker === undefined || threads.lifeOf(thread) === undefined) return false;
      threads.schedule.betweenSteps(threads.lifeOf(thread), () => worker.end(1));
      return true;
    },
  };
}

/** It asks the machine itself: what the nexus knows of it may be a second old. */
class ObservedNode implements ObservedMembership {
  clusterId: string | undefined;
  /** From then on it has the stop margin, at the most. */
  fencedAtMs = Number.NEGATIVE_INFINITY;
  hasBrokenStore = false;
  #machine: MembershipMachine | undefined;
  readonly #name: string;
  readonly #surroundings: ProgramSurroundings;

  constructor(name: string, surroundings: ProgramSurroundings) {
    this.#name = name;
    this.#surroundings = surroundings;
  }

  storeBroken(): void {
    this.hasBrokenStore = true;
  }

  watched(machine: MembershipMachine): MembershipMachine {
    this.#machine = machine;
    return machine;
  }

  get self(): NodeIdentity {
    return this.#machine?.self ?? { name: this.#name, incarnation: 0 };
  }

  get standing(): NodeStanding {
    return this.#machine?.standing ?? 'joining';
  }

  get runs(): boolean {
    return this.#machine?.mayRun(this.#surroundings.clock.nowMs()) === true;
  }

  get handles(): boolean {
    const agoMs = this.#surroundings.clock.nowMs() - STOP_MARGIN_MS;
    return agoMs < this.fencedAtMs || this.#machine?.mayRun(agoMs) === true;
  }

  snapshot(): MembershipSnapshot | undefined {
    return this.#machine?.snapshot(this.#surroundings.clock.nowMs());
  }
}
