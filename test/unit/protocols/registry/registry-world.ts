/**
 * Machines of a registry alone, in a world that is as bad to them as it may be: nodes learn of views late and miss some, messages are lost, doubled and come late, also long after their sender is gone, nodes crash, leave
 * and come back, weights change, and agents are registered, released, moved and adopted all the time. Only what the membership promises is kept: views are agreed on, and a node that is not in a view does not run when
 * that view is there. From one seed. What must hold is asked after every step; then all is mended, and everything has to come to its end.
 */
import { type NodeIdentity, nodeKey, sameNode } from '../../../../dist/ts-src/model/node-identity.js';
import { SeededRandom } from '../../../../dist/ts-src/model/seeded-random.js';
import type { RingMember } from '../../../../dist/ts-src/protocols/registry/ring.js';
import type { RegistryModules } from './registry-modules.js';
import { TimedQueue } from './timed-queue.js';
import { type Agent, type View, WorldNode } from './world-node.js';

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

export class World {
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
  /** By epoch, number and partition: the digest that its owner had. */
  readonly versions = new Map<number, string>();
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

  /** A copy is what its owner had in that version. */
  checkCopies({ self, machine: { directory } }: WorldNode): void {
    for (let partition = 0; partition < this.modules.partitions.PARTITIONS; partition++) {
      const part = directory.part(partition);
      if (part === undefined || part.epoch === 0) continue;
      const key = (part.epoch * 4096 + part.sequence) * 64 + partition;
      const { count, low, high } = part.digest;
      const text = `${count} ${low} ${high}`;
      const known = this.versions.get(key);
      if (known === undefined && directory.is('serving', partition)) this.versions.set(key, text);
      else if (known !== undefined && known !== text)
        throw new Error(`version ${part.epoch}.${part.sequence} of partition ${partition} on ${nodeKey(self)} is not what its owner had`);
    }
  }

  /** After every step of a node: what must never be. */
  check(node: WorldNode): void {
    this.checkCopies(node);
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

  #agree(members: readonly RingMember[]): void {
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
      const successors = ring.successorsOf(partition, this.copies);
      for (const { self, machine } of this.running) {
        const left =
          self.name === owner.self.name || successors.some(({ name }) => name === self.name) ? 0 : (machine.directory.part(partition)?.entries.size ?? 0);
        if (left > 0) throw new Error(`${nodeKey(self)} keeps ${left} registrations of ${partition}, of which it is no successor`);
      }
      for (const successor of successors) {
        const copy = nodeOf(successor).machine.directory.part(partition);
        const texts = [part, copy].map((each) => [...(each?.entries.values() ?? [])].map(({ registration: { id, token } }) => `${id} ${token}`).sort());
        if (texts[0]?.join() !== texts[1]?.join())
          throw new Error(`the copy of ${partition} on ${successor.name} has ${texts[1]?.join()}, its owner ${texts[0]?.join()}`);
        if (copy !== undefined && copy.tombstones.size > 0) throw new Error(`the copy of ${partition} on ${successor.name} keeps tombstones`);
      }
      if (part.tombstones.size > 0) throw new Error(`${nodeKey(owner.self)} keeps tombstones of ${partition}`);
    }
    for (const { self, machine } of this.running) {
      for (const id of this.ids) {
        const host = machine.cached(id)?.registration.host;
        if (host !== undefined && nodeOf(host) === undefined) throw new Error(`${nodeKey(self)} knows ${id} of ${nodeKey(host)}, which is no member`);
      }
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
