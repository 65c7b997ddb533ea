/**
 * Makes the faults of a plan happen in a simulated world: each begins and ends at its time, and what those that last make of links, nodes and disks together (`fault-conditions.ts`) is what the
 * switches are set to. It starts no node: whoever looks after the nodes asks whether a fault still holds one down.
 */
import { diskConditions, linkConditions, nodeConditions } from './fault-conditions.js';
import { type Fault, faultText, isMomentary, isSimulated, type SimulatedFault } from './fault.js';
import type { LinkConditions } from './link.js';
import type { SimulatedNode } from './simulated-node.js';
import type { SimulatedWorld } from './world.js';

export interface FaultInjectorNeeds {
  readonly world: SimulatedWorld;
  /** A fault begins. */
  begun(fault: SimulatedFault): void;
  /** Ends a worker thread of a node that runs agents. */
  killThread?(node: SimulatedNode, thread: number): void;
}

export class FaultInjector {
  readonly #needs: FaultInjectorNeeds;
  #lasting: readonly Fault[] = [];
  readonly #numbers = new Map<Fault, number>();
  readonly #cancels: (() => void)[] = [];
  /** What was set last. */
  readonly #links = new Map<number, string>();
  readonly #slowness = new Map<number, string>();

  constructor(needs: FaultInjectorNeeds) {
    this.#needs = needs;
  }

  /** From now on: times of the faults are counted from this moment. Those that only real processes have are left out. */
  begin(faults: readonly Fault[]): void {
    const { time } = this.#needs.world;
    faults.forEach((fault, index) => {
      if (!isSimulated(fault)) return;
      this.#numbers.set(fault, index + 1);
      this.#cancels.push(time.after(fault.atMs, () => this.#begin(fault)));
    });
  }

  /** All that last end now, and none begins any more. */
  heal(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
    for (const fault of this.#lasting) this.#note('healed', fault);
    this.#lasting = [];
    this.#setAll();
  }

  /** Whether a fault holds this node down. */
  isDown(node: number): boolean {
    return nodeConditions(this.#lasting, node).isDown;
  }

  #begin(fault: SimulatedFault): void {
    this.#note('fault', fault);
    this.#needs.begun(fault);
    if (!isMomentary(fault)) {
      this.#lasting = [...this.#lasting, fault];
      this.#cancels.push(this.#needs.world.time.after(fault.forMs, () => this.#end(fault)));
      // Before the crash, so that it finds the disk as it is to be.
      this.#setAll();
    }
    for (const node of this.#nodesOf(fault)) this.#strike(fault, node);
  }

  #end(fault: Fault): void {
    this.#note('healed', fault);
    this.#lasting = this.#lasting.filter((each) => each !== fault);
    this.#setAll();
  }

  /** What happens at the moment at which a fault begins. */
  #strike(fault: Fault, node: SimulatedNode): void {
    const isUp = node.status !== 'down';
    switch (fault.kind) {
      case 'crash':
        if (isUp) node.crash({ isSilent: fault.ending === 'silent', disk: fault.disk });
        return;
      case 'restart':
        if (isUp) node.restart();
        return;
      case 'leave':
        // What a node says of its end that cannot leave is its own business.
        if (node.status === 'running' && node.program !== undefined && !node.isPaused) node.stop().catch(() => undefined);
        return;
      case 'clockJump':
        node.jump(fault.byMs);
        return;
      case 'killThread':
        if (isUp) this.#needs.killThread?.(node, fault.thread);
        return;
    }
  }

  /** Sets whatever is not as it is to be. */
  #setAll(): void {
    const { nodes, network } = this.#needs.world;
    for (const node of nodes) {
      this.#setNode(node);
      for (const other of nodes)
        if (other !== node) this.#setLink(node.number, other.number, (conditions) => network.set(node.number, other.number, conditions));
    }
  }

  #setNode(node: SimulatedNode): void {
    const { isPaused, slowness, drift } = nodeConditions(this.#lasting, node.number);
    Object.assign(node.disk.faults, diskConditions(this.#lasting, node.number));
    if (node.clock.rate !== 1 + drift) node.drift(drift);
    const text = JSON.stringify(slowness);
    if ((this.#slowness.get(node.number) ?? '0') !== text) node.slow(slowness);
    this.#slowness.set(node.number, text);
    if (node.status === 'down' || isPaused === node.isPaused) return;
    if (isPaused) node.pause();
    else node.resume();
  }

  #setLink(from: number, to: number, set: (conditions: Partial<LinkConditions>) => void): void {
    const conditions = linkConditions(this.#lasting, from, to);
    const text = JSON.stringify(conditions);
    const key = from * 65_536 + to;
    if (this.#links.get(key) === text) return;
    this.#links.set(key, text);
    const { latency: _latency, ...changed } = conditions;
    set(changed);
  }

  #nodesOf(fault: Fault): readonly SimulatedNode[] {
    if (!('nodes' in fault) || fault.nodes === undefined) return [];
    return fault.nodes.map((number) => this.#needs.world.nodes[number - 1] as SimulatedNode);
  }

  #note(mark: 'fault' | 'healed', fault: Fault): void {
    this.#needs.world.note(mark, 0, 0, this.#numbers.get(fault) ?? 0, faultText(fault));
  }
}
