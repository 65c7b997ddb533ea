/** One node of a world of registries: its machine, and what the node does with it, at random. */
import { ByteWriter } from '../../../../dist/ts-src/protocols/bytes/byte-writer.js';
import { type NodeIdentity, nodeKey, sameNode } from '../../../../dist/ts-src/model/node-identity.js';
import type { Registration } from '../../../../dist/ts-src/model/registration.js';
import type * as Machines from '../../../../dist/ts-src/protocols/registry/registry-machine.js';
import type { RequestOutcome } from '../../../../dist/ts-src/protocols/registry/requests.js';
import type { Ring, RingMember } from '../../../../dist/ts-src/protocols/registry/ring.js';
import type { World } from './registry-world.js';

export interface View {
  readonly number: number;
  readonly members: readonly RingMember[];
  readonly ring: Ring;
}

/** What becomes of an agent, as the nodes have done it. `maybe`: a node that had to do with it was lost. */
export interface Agent {
  status: 'alive' | 'ended' | 'maybe';
  readonly life: number;
  readonly between: Set<string>;
  /** Hand-overs of which the source has not heard: what has ended meanwhile may come back there, if the owner is lost too. */
  handing: number;
  endedAtMs: number;
}

/** A machine, and what a node does with it. */
export class WorldNode {
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
        misplaced: (registrations) => {
          for (const { id } of registrations) {
            const owner = this.machine.ownerOf(id) as NodeIdentity;
            if (world.chance(0.6)) this.#later(1000, () => this.#handOver(id, owner));
          }
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
    const messages = codec.decodedFrame(new ByteWriter(2 * bytes.length + 8).bytes(bytes).take());
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
    else this.#forget(id);
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

  #forget(id: string): void {
    const known = this.machine.cached(id);
    // Not of the directory that it serves.
    if (known?.from !== 'cached') return;
    const { token } = known.registration;
    const isCopy = this.machine.directory.part(this.#world.modules.partitions.partitionOf(id))?.entries.get(id)?.registration.token === token;
    if (isCopy) this.#world.mark('copyForgotten');
    this.machine.forget(id, token);
    // A copy may know of a later one.
    if ((this.machine.cached(id)?.registration.token ?? Number.POSITIVE_INFINITY) <= token)
      throw new Error(`${nodeKey(this.self)} knows ${id} with ${token} after it was forgotten`);
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
