/**
 * The way from one node to another one, and what goes wrong on it. The way back is another link. Conditions can be changed at any time; they hold for what is sent from then on, and a cut also for
 * what is on its way.
 */
import { optionError, valueText } from '../../errors.js';
import { checkNames } from '../../model/nearest-name.js';
import { checkDistribution, type Distribution, sampleMs } from './distribution.js';
import { drawAt, drawKey, Purpose } from './draws.js';

/** How a link is. Rates are shares of the messages, 0 to 1. */
export interface LinkConditions {
  /** Nothing gets through. */
  readonly isCut: boolean;
  /** What is sent waits until it is not clogged any more, and then comes at once. */
  readonly isClogged: boolean;
  /** One way. */
  readonly latency: Distribution;
  /** On top of it. */
  readonly addedLatency: Distribution;
  /** Messages that are lost. What has to arrive is sent again, and is late. */
  readonly loss: number;
  /** Datagrams that come twice. */
  readonly duplication: number;
  /** Datagrams that are held back for up to `reorderingMs`, so that later ones overtake them. */
  readonly reordering: number;
  readonly reorderingMs: number;
  /** Messages with flipped bits, or whose end is missing. */
  readonly corruption: number;
  /** What does not fit waits; undefined for no limit. */
  readonly bytesPerSecond: number | undefined;
}

/** A good network in one place. */
export const GOOD_LINK: LinkConditions = {
  isCut: false,
  isClogged: false,
  latency: { type: 'uniform', fromMs: 0.3, toMs: 1.5 },
  addedLatency: 0,
  loss: 0,
  duplication: 0,
  reordering: 0,
  reorderingMs: 50,
  corruption: 0,
  bytesPerSecond: undefined,
};

const RATES = ['loss', 'duplication', 'reordering', 'corruption'] as const;
const BYTES_FLIPPED_MAX = 8;

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkConditions(name: string, conditions: Partial<LinkConditions>): void {
  checkNames(name, conditions, Object.keys(GOOD_LINK));
  const { latency, addedLatency, reorderingMs, bytesPerSecond } = conditions;
  if (latency !== undefined) checkDistribution(`${name}.latency`, latency);
  if (addedLatency !== undefined) checkDistribution(`${name}.addedLatency`, addedLatency);
  if (reorderingMs !== undefined) checkDistribution(`${name}.reorderingMs`, reorderingMs);
  for (const rate of RATES) {
    const value = conditions[rate];
    if (value !== undefined && !(value >= 0 && value <= 1)) throw optionError(`${name}.${rate}`, `is ${valueText(value)}; it must be from 0 to 1`);
  }
  if (bytesPerSecond !== undefined && !(bytesPerSecond >= 1))
    throw optionError(`${name}.bytesPerSecond`, `is ${valueText(bytesPerSecond)}; it must be at least 1, or undefined for no limit`);
}

export class Link {
  conditions: LinkConditions;
  /** Messages so far: the number of the next one. */
  messages = 0;
  /** What waits until it is not clogged any more. */
  readonly held: (() => void)[] = [];
  readonly #key: number;
  #freeAtMs = 0;

  /** @param from @param to numbers of nodes */
  constructor(
    seed: number,
    readonly from: number,
    readonly to: number,
    conditions: LinkConditions,
  ) {
    this.#key = drawKey(seed, `${from}>${to}`);
    this.conditions = conditions;
  }

  get isBlocked(): boolean {
    return this.conditions.isCut || this.conditions.isClogged;
  }

  draw(purpose: number, message: number): number {
    return drawAt(this.#key, purpose, message);
  }

  /** Time that a message takes which is sent now: its latency, behind what the bandwidth lets through before it. */
  delayMs(nowMs: number, message: number, bytes: number, purpose: number = Purpose.latency): number {
    const { latency, addedLatency, bytesPerSecond } = this.conditions;
    let delayMs = sampleMs(latency, this.draw(purpose, message));
    if (addedLatency !== 0) delayMs += sampleMs(addedLatency, this.draw(Purpose.added, message));
    if (bytesPerSecond === undefined) return delayMs;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (bytes * 1000) / bytesPerSecond;
    return delayMs + this.#freeAtMs - nowMs;
  }

  /** How long a datagram is held back. */
  reorderingDelayMs(message: number): number {
    const { reordering, reorderingMs } = this.conditions;
    if (reordering === 0 || this.draw(Purpose.reordering, message) >= reordering) return 0;
    return this.draw(Purpose.reorderingDelay, message) * reorderingMs;
  }

  /** How often a message that has to arrive is lost on its way. */
  lossesOf(message: number, lossesMax: number): number {
    const { loss } = this.conditions;
    let losses = 0;
    while (losses < lossesMax && loss > 0 && this.draw(Purpose.retransmission, message * 16 + losses) < loss) losses++;
    return losses;
  }

  isLost(message: number): boolean {
    const { loss } = this.conditions;
    return loss > 0 && this.draw(Purpose.loss, message) < loss;
  }

  isDuplicated(message: number): boolean {
    const { duplication } = this.conditions;
    return duplication > 0 && this.draw(Purpose.duplication, message) < duplication;
  }

  isCorrupted(message: number): boolean {
    const { corruption } = this.conditions;
    return corruption > 0 && this.draw(Purpose.corruption, message) < corruption;
  }

  /** A copy in which some bits are flipped, or whose end is missing. */
  corrupted(bytes: Uint8Array, message: number): Uint8Array {
    const draw = (index: number): number => this.draw(Purpose.corruptionKind, message * 32 + index);
    if (bytes.length === 0) return bytes.slice();
    if (draw(0) < 0.3) return bytes.slice(0, Math.floor(draw(1) * bytes.length));
    const copy = bytes.slice();
    const flips = 1 + Math.floor(draw(2) * BYTES_FLIPPED_MAX);
    for (let flip = 0; flip < flips; flip++) {
      const bit = Math.floor(draw(3 + flip) * copy.length * 8);
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
    }
    return copy;
  }
}
