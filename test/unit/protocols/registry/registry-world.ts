/**
 * Machines of a registry alone, in a world that is as bad to them as it may be: nodes learn of views late and miss some, messages are lost, doubled and come late, also long after their sender is gone, nodes crash, leave
 * and come back, weights change, and agents are registered, released, moved and adopted all the time. Only what the membership promises is kept: views are agreed on, and a node that is not in a view does not run when
 * that view is there. From one seed. What must hold is asked after every step; then all is mended, and everything has to come to its end.
 */
import type { NodeIdentity } from '../../../../dist/ts-src/model/node-identity.js';
import { nodeKey, sameNode } from '../../../../dist/ts-src/model/node-identity.js';
import type { Registration } from '../../../../dist/ts-src/model/registration.js';
import { SeededRandom } from '../../../../dist/ts-src/model/seeded-random.js';
import type * as Codec from '../../../../dist/ts-src/protocols/registry/registry-codec.js';
import type * as Machines from '../../../../dist/ts-src/protocols/registry/registry-machine.js';
import type * as Partitions from '../../../../dist/ts-src/protocols/registry/partition.js';
import { TimedQueue } from './timed-queue.js';
import type * as Rings from '../../../../dist/ts-src/protocols/registry/ring.js';
import type { RequestOutcome } from '../../../../dist/ts-src/protocols/registry/requests.js';

export interface RegistryModules {
  readonly machines: typeof Machines;
  readonly codec: typeof Codec;
  readonly partitions: typeof Partitions;
  readonly rings: typeof Rings;
}

/** Of a build: `dist/`, or a copy of it in which something is changed. */
export async function registryModules(dist: string): Promise<RegistryModules> {
  const load = async (name: string): Promise<unknown> => import(/* @vite-ignore */ `${dist}ts-src/protocols/registry/${name}.js`);
  const [machines, codec, partitions, rings] = await Promise.all(['registry-machine', 'registry-codec', 'partition', 'ring'].map(load));
  return { machines, codec, partitions, rings } as RegistryModules;
}

/** Few of everything, so that things meet. */
export const SMALL_RING = [
  { file: 'ts-src/protocols/registry/partition.js', from: 'PARTITIONS = 4096', to: 'PARTITIONS = 16' },
  { file: 'ts-src/protocols/registry/ring.js', from: 'POINTS_OF_MEMBER = 512', to: 'POINTS_OF_MEMBER = 8' },
  { file: 'ts-src/protocols/registry/registry-messages.js', from: 'PART_BYTES_MAX = 65_536', to: 'PART_BYTES_MAX = 150' },
  { file: 'ts-src/protocols/registry/registry-messages.js', from: 'ITEMS_MAX = 512', to: 'ITEMS_MAX = 5' },
];

export interface WorldResult {
  /** What was wrong first; undefined for nothing. */
  readonly wrong: string | undefined;
  /** What was seen to happen, and how often. */
  readonly marks: ReadonlyMap<string, number>;
  readonly log: readonly string[];
}

const FAULTS_MS = 15_000;
const HEAL_MS = 150_000;
const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];

interface View {
  readonly number: number;
  readonly members: readonly Rings.RingMember[];
  readonly ring: Rings.Ring;
}

/** What becomes of an agent, as the nodes have done it. `maybe`: a node that had to do with it was lost. */
interface Agent {
  status: 'alive' | 'ended' | 'maybe';
  readonly life: number;
  readonly between: Set<string>;
  /** Hand-overs of which the source has not heard: what has ended meanwhile may come back there, if the owner is lost too. */
  handing: number;
  endedAtMs: number;
}

/** @param tell is told of all that happens, messages included */
export function runWorld(seed: number, modules: RegistryModules, tell?: (text: string) => void): WorldResult {
  const world = new World(seed, modules);
  world.tell = tell;
  try {
    world.run();
    return { wrong: undefined, marks: world.marks, log: world.log };
  } catch (error) {
    return { wrong: (error as Error).message, marks: world.marks, log: world.log };
  }
}

class World {
  readonly marks = new Map<string, number>();
  readonly log: string[] = [];
  readonly random: SeededRandom;
  readonly modules: RegistryModules;
  readonly copies: number;
  readonly ids: readonly string[];
  readonly loss: number;
  readonly lateness: number;
  readonly views: View[] = [];
  readonly nodes: WorldNode[] = [];
  readonly agents = new Map<string, Agent>();
  readonly tokens = new Map<string, { token: number; host: string }>();
  readonly #queue = new TimedQueue();
  readonly #cut = new Set<string>();
  nowMs = 0;
  isMended = false;
  tell: ((text: string) => void) | undefined;
  #lastIncarnation = 0;

  constructor(seed: number, modules: RegistryModules) {
    this.random = new SeededRandom(seed, 'registry');
    this.modules = modules;
    this.copies = this.below(3);
    this.ids = Array.from({ length: 2 + this.below(14) }, (_, index) => `id-${index}`);
    this.loss = this.chance(0.3) ? 0 : this.random.next() * 0.3;
    this.lateness = this.random.next() * 0.15;
  }

  run(): void {
    const first = NAMES.slice(0, 1 + this.below(4));
    for (const name of first) this.#start(name);
    this.#agree(this.nodes.map(({ self }) => ({ ...self, weight: 1 })));
    this.at(this.below(1500), () => this.#churn());
    this.#until(FAULTS_MS);
    this.isMended = true;
    this.#cut.clear();
    for (const node of this.running) this.at(this.below(500), () => node.install(this.views.length - 1));
    this.#until(FAULTS_MS + HEAL_MS);
    this.#checkEnd();
  }

  get running(): WorldNode[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  get view(): View {
    return this.views.at(-1) as View;
  }

  below(count: number): number {
    return Math.floor(this.random.next() * count);
  }

  chance(share: number): boolean {
    return this.random.next() < share;
  }

  pick<T>(values: readonly T[]): T | undefined {
    return values[this.below(values.length)];
  }

  at(delayMs: number, run: () => void): void {
    this.#queue.add(this.nowMs + delayMs, run);
  }

  mark(what: string): void {
    this.marks.set(what, (this.marks.get(what) ?? 0) + 1);
  }

  say(text: string): void {
    this.log.push(`${Math.round(this.nowMs)} ${text}`);
    this.tell?.(`${Math.round(this.nowMs)} ${text}`);
    if (this.log.length > 4000) this.log.splice(0, 2000);
  }

  deliver(from: NodeIdentity, to: NodeIdentity, bytes: Uint8Array): void {
    const isLost = !this.isMended && (this.chance(this.loss) || this.#cut.has(`${from.name} ${to.name}`));
    const times = isLost ? 0 : !this.isMended && this.chance(0.05) ? 2 : 1;
    for (let time = 0; time < times; time++) {
      const isLate = !this.isMended && this.chance(this.lateness);
      const delayMs = isLate ? this.random.next() * (this.chance(0.2) ? 20_000 : 2500) : 1 + this.random.next() * 15;
      this.at(delayMs, () => {
        const receiver = this.nodes.find((node) => node.isRunning && sameNode(node.self, to));
        receiver?.received(from, bytes);
      });
    }
  }

  /** After every step of a node: what must never be. */
  check(node: WorldNode): void {
    for (const id of this.ids) {
      const own = node.machine.own(id);
      if (own === undefined) continue;
      for (const other of this.running) {
        if (other !== node && other.machine.own(id) !== undefined)
          throw new Error(
            `two activations of ${id}: on ${nodeKey(node.self)} with ${own.token}, and on ${nodeKey(other.self)} with ${other.machine.own(id)?.token}`,
          );
      }
      const known = this.tokens.get(id);
      const host = nodeKey(node.self);
      if (known?.token === own.token && known.host === host) continue;
      if (known !== undefined && own.token <= known.token)
        throw new Error(`a token of ${id} went back: ${own.token} on ${host} after ${known.token} on ${known.host}`);
      if (own.host.name !== node.self.name) throw new Error(`${host} runs ${id} that is registered for ${own.host.name}`);
      this.tokens.set(id, { token: own.token, host });
    }
  }

  #start(name: string): WorldNode {
    this.#lastIncarnation += 1 + this.below(3);
    const node = new WorldNode(this, { name, incarnation: this.#lastIncarnation });
    this.nodes.push(node);
    return node;
  }

  #agree(members: readonly Rings.RingMember[]): void {
    const { Ring } = this.modules.rings;
    this.views.push({ number: this.views.length + 1, members, ring: new Ring(members) });
    this.say(`view ${this.views.length}: ${members.map((member) => `${nodeKey(member)}*${member.weight}`).join(', ')}`);
    for (const node of this.running) {
      if (!members.some((member) => sameNode(member, node.self))) continue;
      const delayMs = this.chance(0.5) ? this.random.next() * 30 : this.random.next() * 3000;
      this.at(delayMs, () => node.installSome());
    }
  }

  #churn(): void {
    if (this.isMended) return;
    this.at(100 + this.random.next() * 3000, () => this.#churn());
    const { members } = this.view;
    const absent = NAMES.filter((name) => !members.some((member) => member.name === name));
    const victim = this.pick(members);
    const what = this.below(8);
    if (what < 3 && absent.length > 0) {
      const node = this.#start(this.pick(absent) as string);
      this.#agree([...members, { ...node.self, weight: 1 }]);
    } else if (what < 5 && victim !== undefined && members.length > 1) {
      this.nodes.find(({ self }) => sameNode(self, victim))?.crash();
      this.at(this.chance(0.5) ? 0 : this.random.next() * 2000, () => this.#remove());
    } else if (what === 5) {
      this.#agree(members.map((member) => (this.chance(0.3) ? { ...member, weight: this.below(4) } : member)));
    } else if (what === 6) {
      for (const from of NAMES) for (const to of NAMES) if (this.chance(0.1)) this.#cut.add(`${from} ${to}`);
    } else this.#cut.clear();
  }

  /** Whoever has crashed is in the view no more; sometimes another start of it is at once. */
  #remove(): void {
    const members = this.view.members.filter((member) => this.running.some(({ self }) => sameNode(self, member)));
    if (members.length === this.view.members.length) return;
    const gone = this.view.members.find((member) => !members.includes(member)) as NodeIdentity;
    if (!this.isMended && (members.length === 0 || this.chance(0.2))) members.push({ ...this.#start(gone.name).self, weight: 1 });
    this.#agree(members);
  }

  #until(untilMs: number): void {
    for (;;) {
      const next = this.#queue.next(untilMs);
      if (next === undefined) break;
      this.nowMs = next.atMs;
      next.run();
    }
    this.nowMs = untilMs;
    if (this.isMended || this.running.length === this.view.members.length) return;
    this.#remove();
  }

  #checkEnd(): void {
    const { Ring } = this.modules.rings;
    for (const node of this.running) {
      if (node.waiting > 0) throw new Error(`${node.waiting} requests of ${nodeKey(node.self)} were never settled`);
      const { claiming } = node.machine.figures();
      if (node.machine.view !== this.view.number) throw new Error(`${nodeKey(node.self)} has view ${node.machine.view}`);
      if (claiming > 0)
        throw new Error(`${nodeKey(node.self)} claims ${claiming} partitions for ever, and waits for ${node.machine.waitingFor.map(nodeKey).join()}`);
      if (node.machine.waiting > 0) throw new Error(`${nodeKey(node.self)} asks for ever`);
      if (node.machine.unsettledCopies > 0) throw new Error(`${nodeKey(node.self)} has successors that never agree`);
    }
    const ring = new Ring(this.view.members);
    const nodeOf = (of: NodeIdentity): WorldNode => this.running.find(({ self }) => sameNode(self, of)) as WorldNode;
    for (let partition = 0; partition < this.modules.partitions.PARTITIONS; partition++) {
      const owner = nodeOf(ring.ownerOf(partition) as NodeIdentity);
      const part = owner.machine.directory.served(partition);
      if (part === undefined) throw new Error(`partition ${partition} is not served by ${nodeKey(owner.self)}`);
      for (const { registration, state } of part.entries.values()) {
        const own = nodeOf(registration.host)?.machine.own(registration.id);
        if (own?.token !== registration.token || state !== 'settled')
          throw new Error(
            `the directory has ${registration.id} as ${state} on ${nodeKey(registration.host)} with ${registration.token}, and it runs ${own?.token}`,
          );
      }
      for (const successor of ring.successorsOf(partition, this.copies)) {
        const copy = nodeOf(successor).machine.directory.part(partition);
        const texts = [part, copy].map((each) => [...(each?.entries.values() ?? [])].map(({ registration: { id, token } }) => `${id} ${token}`).sort());
        if (texts[0]?.join() !== texts[1]?.join())
          throw new Error(`the copy of ${partition} on ${successor.name} has ${texts[1]?.join()}, its owner ${texts[0]?.join()}`);
        if (copy !== undefined && copy.tombstones.size > 0) throw new Error(`the copy of ${partition} on ${successor.name} keeps tombstones`);
      }
      if (part.tombstones.size > 0) throw new Error(`${nodeKey(owner.self)} keeps tombstones of ${partition}`);
    }
    for (const id of this.ids) {
      const hosts = this.running.filter(({ machine }) => machine.own(id) !== undefined);
      const agent = this.agents.get(id);
      const token = hosts[0]?.machine.own(id)?.token ?? 0;
      const entry = nodeOf(ring.ownerOf(this.modules.partitions.partitionOf(id)) as NodeIdentity)
        .machine.directory.part(this.modules.partitions.partitionOf(id))
        ?.entries.get(id);
      if ((entry?.registration.token ?? 0) !== token) throw new Error(`${id} runs with ${token}, and the directory has ${entry?.registration.token}`);
      if (agent?.status === 'alive' && hosts.length === 0) throw new Error(`${id} was lost, though no node was that had to do with it`);
      if (agent?.status === 'ended' && hosts.some(({ machine }) => machine.own(id)?.life === agent.life))
        throw new Error(`${id} has ended, and runs on ${nodeKey((hosts[0] as WorldNode).self)}`);
    }
  }
}

/** A machine, and what a node does with it. */
class WorldNode {
  readonly self: NodeIdentity;
  readonly machine: Machines.RegistryMachine;
  isRunning = true;
  /** What has not been answered. */
  readonly #asked = new Set<object>();
  readonly #world: World;
  #at = -1;
  #tickAtMs = Number.POSITIVE_INFINITY;
  #tickNumber = 0;

  constructor(world: World, self: NodeIdentity) {
    this.#world = world;
    this.self = self;
    this.machine = new world.modules.machines.RegistryMachine(
      self,
      { copies: world.copies, knownMax: 6 },
      {
        send: (to, message) => {
          const bytes = world.modules.codec.encodedMessage(message);
          world.deliver(self, to, bytes);
        },
        orphaned: (registration) => this.#later(500, () => this.#orphaned(registration)),
        superseded: (registration) => {
          world.say(`${nodeKey(self)} is superseded for ${registration.id}`);
          world.mark('supersededNode');
        },
        misplaced: (registrations, owner) => {
          for (const registration of registrations) if (world.chance(0.6)) this.#later(1000, () => this.#handOver(registration.id, owner));
        },
        handed: (registration, from) => this.#later(world.chance(0.9) ? 100 : 3000, () => this.#handed(registration, from)),
        mark: (what) => world.mark(what),
      },
    );
    this.#later(300, () => this.#act());
  }

  get waiting(): number {
    return this.#asked.size;
  }

  crash(): void {
    this.isRunning = false;
    this.#world.say(`${nodeKey(this.self)} crashes`);
    const key = nodeKey(this.self);
    // Also those that have ended just now: if it was the owner, nobody else need know of it yet.
    for (const agent of this.#world.agents.values()) {
      const isRecent = agent.status === 'ended' && agent.endedAtMs > this.#world.nowMs - 3000;
      if (agent.between.has(key) || isRecent) agent.status = 'maybe';
    }
  }

  /** The next view, or a later one. */
  installSome(): void {
    const { views } = this.#world;
    const first = views.findIndex(({ members }) => members.some((member) => sameNode(member, this.self)));
    const next = Math.max(first, this.#at + 1);
    if (next >= views.length) return;
    this.install(this.#world.chance(0.7) ? next : next + this.#world.below(views.length - next));
    // What was passed over or is to come.
    if (this.#at < views.length - 1) this.#world.at(this.#world.random.next() * 1500, () => this.isRunning && this.installSome());
  }

  install(index: number): void {
    if (!this.isRunning || index <= this.#at) return;
    if (index > this.#at + 1 && this.#at >= 0) this.#world.mark('viewsMissed');
    this.#at = index;
    this.#step((nowMs) => this.machine.installed(nowMs, this.#world.views[index] as View));
  }

  received(from: NodeIdentity, bytes: Uint8Array): void {
    const { codec } = this.#world.modules;
    const messages = codec.decodedFrame(codec.encodedFrame([bytes]));
    if (this.#world.tell !== undefined)
      for (const message of messages)
        this.#world.tell(`${Math.round(this.#world.nowMs)}   ${nodeKey(from)} > ${nodeKey(this.self)} ${JSON.stringify(message)}`);
    for (const message of messages) this.#step((nowMs) => this.machine.received(nowMs, from, message));
  }

  #step(run: (nowMs: number) => void): void {
    if (!this.isRunning) return;
    const { nowMs } = this.#world;
    run(nowMs);
    this.machine.flush();
    this.#world.check(this);
    const { dueMs } = this.machine;
    if (dueMs >= this.#tickAtMs) return;
    this.#tickAtMs = dueMs;
    const number = ++this.#tickNumber;
    const lateMs = this.#world.chance(0.8) ? 0.01 : this.#world.random.next() * 60;
    this.#world.at(Math.max(0, dueMs - nowMs) + lateMs, () => {
      if (number !== this.#tickNumber) return;
      this.#tickAtMs = Number.POSITIVE_INFINITY;
      this.#step((atMs) => this.machine.tick(atMs));
    });
  }

  #later(withinMs: number, run: () => void): void {
    this.#world.at(this.#world.random.next() * withinMs, () => this.isRunning && run());
  }

  #act(): void {
    const world = this.#world;
    if (world.isMended) return;
    this.#later(400, () => this.#act());
    const id = world.pick(world.ids) as string;
    const own = this.machine.own(id);
    const what = world.below(10);
    if (own !== undefined && what < 2) this.#release(own);
    else if (own !== undefined && what < 7)
      this.#handOver(id, world.pick(world.chance(0.9) ? world.view.members : world.nodes.map(({ self }) => self)) as NodeIdentity);
    else if (what < 7) this.#register(id);
    else if (what < 9) this.#lookup(id);
    else this.machine.forget(id, Number.MAX_SAFE_INTEGER);
  }

  #register(id: string): void {
    const world = this.#world;
    const input = {
      id,
      kind: 'k',
      placement: world.chance(0.5) ? ('ring' as const) : ('pinned' as const),
      init: world.chance(0.5) ? new Uint8Array(world.below(40)) : undefined,
    };
    this.#asks(
      (settle) => this.#step((nowMs) => this.machine.register(nowMs, input, nowMs + 200 + world.random.next() * 5000, settle)),
      (outcome) => {
        if (outcome.type === 'timeout') world.mark('timeout');
        if (outcome.type !== 'granted') return;
        world.say(`${nodeKey(this.self)} runs ${id} with ${outcome.registration.token}`);
        world.agents.set(id, { status: 'alive', life: outcome.registration.life, between: new Set([nodeKey(this.self)]), handing: 0, endedAtMs: 0 });
      },
    );
  }

  #lookup(id: string): void {
    this.#asks(
      (settle) => this.#step((nowMs) => this.machine.lookup(nowMs, id, nowMs + 200 + this.#world.random.next() * 5000, settle)),
      () => undefined,
    );
  }

  #release({ id, token, life }: Registration): void {
    this.#world.say(`${nodeKey(this.self)} releases ${id} ${token}`);
    const agent = this.#world.agents.get(id);
    if (agent?.life === life) {
      agent.status = agent.handing > 0 ? 'maybe' : 'ended';
      agent.endedAtMs = this.#world.nowMs;
    }
    this.#step((nowMs) => this.machine.release(nowMs, id, token));
  }

  #handOver(id: string, to: NodeIdentity): void {
    const world = this.#world;
    const own = this.machine.own(id);
    if (own === undefined || sameNode(to, this.self)) return;
    world.say(`${nodeKey(this.self)} hands ${id} ${own.token} over to ${nodeKey(to)}`);
    const agent = world.agents.get(id);
    if (agent !== undefined) {
      agent.between.add(nodeKey(to));
      agent.handing++;
      // It may be lost with a node that is.
      if (!world.running.some(({ self }) => sameNode(self, to)) && agent.life === own.life && agent.status === 'alive') world.mark('movedToTheLost');
    }
    this.#asks(
      (settle) => this.#step((nowMs) => this.machine.handOver(nowMs, id, own.token, to, settle)),
      (outcome) => {
        world.say(`${nodeKey(this.self)} handed ${id} over: ${outcome.type}`);
        world.mark(`handOver:${outcome.type}`);
        if (this.machine.own(id)?.token === own.token && outcome.type !== 'returned')
          throw new Error(`${nodeKey(this.self)} runs ${id} after it was handed over`);
        if (agent !== undefined) agent.handing--;
        const now = world.agents.get(id);
        if (now?.life !== own.life) return;
        if (outcome.type === 'done' && now.handing === 0) now.between.delete(nodeKey(this.self));
        if (outcome.type === 'returned') {
          if (outcome.mayHaveRun) {
            world.mark('mayHaveRun');
            now.status = 'maybe';
          }
          now.between.delete(nodeKey(to));
          now.between.add(nodeKey(this.self));
        }
      },
    );
  }

  #handed(registration: Registration, from: NodeIdentity | undefined): void {
    const world = this.#world;
    const { id, token, life } = registration;
    const agent = world.agents.get(id);
    if (world.chance(from === undefined ? 0.05 : 0.25)) {
      world.say(`${nodeKey(this.self)} declines ${id} ${token}`);
      world.mark('declined');
      // What nobody hands over any more is an orphan then, or goes back.
      if (agent?.life === life) agent.status = agent.status === 'alive' ? 'maybe' : agent.status;
      return this.#step((nowMs) => this.machine.release(nowMs, id, token));
    }
    this.#asks(
      (settle) => this.#step((nowMs) => this.machine.accept(nowMs, registration, settle)),
      (outcome) => {
        world.say(`${nodeKey(this.self)} accepted ${id} ${token}: ${outcome.type}`);
        world.mark(`accept:${outcome.type}`);
        if (outcome.type === 'granted' && agent?.life === life) agent.between.add(nodeKey(this.self));
      },
    );
  }

  #orphaned(registration: Registration): void {
    const world = this.#world;
    const { id, token, life } = registration;
    const agent = world.agents.get(id);
    if (world.chance(0.3)) {
      this.#step((nowMs) => this.machine.release(nowMs, id, token));
      return;
    }
    const host = world.chance(0.7) ? this.self : (world.pick(world.view.members) as NodeIdentity);
    this.#step((nowMs) => {
      const adopted = this.machine.adopt(nowMs, registration, host);
      world.say(`${nodeKey(this.self)} adopts ${id} ${token} for ${nodeKey(host)}: ${adopted?.token}`);
      // That node is not a member here, or this one is no owner any more.
      if (adopted === undefined) this.machine.adopt(nowMs, registration, this.self);
      else world.mark('adopted');
      if (agent?.life === life) agent.between.add(nodeKey(host));
    });
  }

  #asks(ask: (settle: (outcome: RequestOutcome) => void) => void, answered: (outcome: RequestOutcome) => void): void {
    const key = nodeKey(this.self);
    const asked = {};
    this.#asked.add(asked);
    ask((outcome) => {
      if (!this.#asked.delete(asked)) throw new Error(`${key} was answered twice`);
      answered(outcome);
    });
  }
}
