/**
 * Makes the faults of a plan happen to real processes: each begins and ends at its time, and what those that last make of links and nodes together (`fault-conditions.ts`, the same as in a simulation) is what the network and
 * the nodes are set to.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { diskConditions, linkConditions, nodeConditions } from '../../testing/simulation/fault-conditions.js';
import { endOf, type Fault, isMomentary } from '../../testing/simulation/fault.js';
import type { LinkConditions } from '../../testing/simulation/link.js';
import type { HostilePeer } from './hostile-peer.js';
import type { MemoryGroups } from './memory-groups.js';
import { type ChaosNetwork, CONTROL_PORT, DATA_PORT } from './network.js';
import type { NodeProcess } from './node-process.js';

export interface RealFaultsNeeds {
  readonly network: ChaosNetwork;
  /** In order. */
  readonly nodes: readonly NodeProcess[];
  /** Of each node the folder of its disk. */
  readonly disks: readonly string[];
  readonly memory: MemoryGroups;
  readonly hostile: HostilePeer;
  /** 0 ≤ x < 1. */
  random(): number;
  began(fault: Fault): void;
  failed(error: Error): void;
}

const FILLER = 'filler';
const FILLER_BYTES = 1_048_576;
/** A slow node runs for so long between two waits. */
const SLOW_RUN_MS = 60;

export class RealFaults {
  readonly #needs: RealFaultsNeeds;
  #lasting: readonly Fault[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #links = new Map<string, string>();
  readonly #full = new Set<number>();
  readonly #limited = new Map<number, number>();
  readonly #busy = new Map<Fault, readonly ChildProcess[]>();
  /** Nodes that are slow stand still for a while now. */
  readonly #waiting = new Set<number>();
  #isOver = false;

  constructor(needs: RealFaultsNeeds) {
    this.#needs = needs;
  }

  /** From now on. */
  begin(faults: readonly Fault[]): void {
    for (const fault of faults) this.#after(fault.atMs, () => this.#begin(fault));
  }

  /** All that last end now, and none begins any more. */
  heal(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const fault of this.#busy.keys()) this.#stopBusy(fault);
    this.#lasting = [];
    this.#waiting.clear();
    this.#setAll();
  }

  #begin(fault: Fault): void {
    this.#needs.began(fault);
    if (!isMomentary(fault)) {
      this.#lasting = [...this.#lasting, fault];
      this.#after(endOf(fault) - fault.atMs, () => this.#end(fault));
    }
    // Before a crash, so that a silent one is cut off when it comes.
    this.#setAll();
    this.#strike(fault);
  }

  #end(fault: Fault): void {
    this.#lasting = this.#lasting.filter((each) => each !== fault);
    this.#stopBusy(fault);
    this.#setAll();
  }

  #strike(fault: Fault): void {
    const nodes = this.#nodesOf(fault);
    switch (fault.kind) {
      case 'crash':
        for (const node of nodes) {
          node.kill();
          if (fault.disk === 'lost') node.forgetStore();
        }
        return;
      case 'restart':
        for (const node of nodes) node.kill();
        return;
      case 'leave':
        for (const node of nodes) node.leave();
        return;
      case 'busyProcessors':
        this.#busy.set(
          fault,
          Array.from({ length: fault.processes }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })),
        );
        return;
      case 'byzantineFrames':
        this.#attack(fault, fault.perSecond);
        return;
      case 'slowNode':
        for (const number of fault.nodes) this.#slow(fault, number, fault.delayMs);
        return;
    }
  }

  #setAll(): void {
    const { nodes, network } = this.#needs;
    const numbers = nodes.map((_, index) => index + 1);
    for (const from of numbers) {
      this.#setNode(from);
      for (const to of numbers) if (to !== from) this.#setLink(from, to, (conditions) => network.set(from, to, conditions));
    }
  }

  #setNode(number: number): void {
    const node = this.#needs.nodes[number - 1] as NodeProcess;
    const { isDown, isPaused } = nodeConditions(this.#lasting, number);
    node.stopOrGoOn(isPaused || this.#waiting.has(number));
    const isFull = diskConditions(this.#lasting, number).full;
    if (isFull !== this.#full.has(number)) this.#fill(number, isFull);
    const limits = this.#lasting.flatMap((fault) => (fault.kind === 'memoryLimit' && fault.nodes.includes(number) ? [fault.bytes] : []));
    const limit = limits.length === 0 ? undefined : Math.min(...limits);
    if (this.#limited.get(number) !== limit) this.#guarded(() => this.#needs.memory.limit(number, limit));
    if (limit === undefined) this.#limited.delete(number);
    else this.#limited.set(number, limit);
    node.hold(isDown);
  }

  #setLink(from: number, to: number, set: (conditions: LinkConditions) => void): void {
    const conditions = linkConditions(this.#lasting, from, to);
    // A machine without power says nothing: the reset that its kernel would send does not come through.
    const isSilent = this.#lasting.some(
      (fault) => fault.kind === 'crash' && fault.ending === 'silent' && (fault.nodes.includes(from) || fault.nodes.includes(to)),
    );
    const wanted = isSilent ? { ...conditions, isCut: true } : conditions;
    const text = JSON.stringify(wanted);
    const key = `${from} ${to}`;
    if ((this.#links.get(key) ?? '') === text) return;
    this.#links.set(key, text);
    set(wanted);
  }

  #fill(number: number, isFull: boolean): void {
    const file = join(this.#needs.disks[number - 1] as string, FILLER);
    if (!isFull) {
      this.#full.delete(number);
      this.#guarded(() => rmSync(file, { force: true }));
      return;
    }
    this.#full.add(number);
    const block = Buffer.alloc(FILLER_BYTES);
    for (let size = FILLER_BYTES; size >= 4096; ) {
      try {
        writeFileSync(file, block.subarray(0, size), { flag: 'a' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') return this.#needs.failed(error as Error);
        size = Math.floor(size / 4);
      }
    }
  }

  #attack(fault: Fault, perSecond: number): void {
    if (this.#isOver || !this.#lasting.includes(fault)) return;
    for (const number of this.#numbersOf(fault)) {
      const { directHost } = this.#needs.network.place(number);
      this.#needs.hostile.attack(directHost, this.#needs.random() < 0.5 ? CONTROL_PORT : DATA_PORT);
    }
    this.#after(1000 / perSecond, () => this.#attack(fault, perSecond));
  }

  /** Stands still for up to `delayMs`, runs for a moment, and so on. */
  #slow(fault: Fault, number: number, delayMs: number): void {
    if (this.#isOver || !this.#lasting.includes(fault)) return;
    this.#waiting.add(number);
    this.#setNode(number);
    this.#after(this.#needs.random() * delayMs, () => {
      this.#waiting.delete(number);
      this.#setNode(number);
      this.#after(SLOW_RUN_MS, () => this.#slow(fault, number, delayMs));
    });
  }

  #stopBusy(fault: Fault): void {
    for (const child of this.#busy.get(fault) ?? []) child.kill('SIGKILL');
    this.#busy.delete(fault);
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#needs.failed(error as Error);
    }
  }

  #numbersOf(fault: Fault): readonly number[] {
    return 'nodes' in fault ? (fault.nodes ?? []) : [];
  }

  #nodesOf(fault: Fault): readonly NodeProcess[] {
    return this.#numbersOf(fault).map((number) => this.#needs.nodes[number - 1] as NodeProcess);
  }

  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}
