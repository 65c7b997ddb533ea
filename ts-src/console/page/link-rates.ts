/** Messages a second on each link: what two snapshots that follow each other have between them. Pure; the page brings the time. */
import type { LinkSnapshot } from '../../model/cluster-snapshot.js';
import { amount } from './format.js';

type Counted = Pick<LinkSnapshot, 'node' | 'sentMessages' | 'receivedMessages'>;

interface Rates {
  readonly sentMessages: number;
  readonly receivedMessages: number;
}

/** Between two snapshots that are closer than this nothing can be told. */
const PERIOD_MS_MIN = 100;

export class LinkRates {
  #before = new Map<string, Counted>();
  #beforeMs = 0;
  #rates = new Map<string, Rates>();

  take(links: readonly Counted[], nowMs: number): void {
    const periodMs = nowMs - this.#beforeMs;
    if (this.#before.size > 0 && periodMs < PERIOD_MS_MIN) return;
    const rates = new Map<string, Rates>();
    for (const { node, sentMessages, receivedMessages } of links) {
      const before = this.#before.get(node);
      // Another start of the node counts anew.
      if (before === undefined || sentMessages < before.sentMessages || receivedMessages < before.receivedMessages) continue;
      rates.set(node, {
        sentMessages: ((sentMessages - before.sentMessages) / periodMs) * 1000,
        receivedMessages: ((receivedMessages - before.receivedMessages) / periodMs) * 1000,
      });
    }
    this.#rates = rates;
    this.#before = new Map(links.map((link) => [link.node, link]));
    this.#beforeMs = nowMs;
  }

  /** `–` while there is no earlier snapshot to compare with. */
  of({ node }: Counted, of: 'sentMessages' | 'receivedMessages'): string {
    const rates = this.#rates.get(node);
    return rates === undefined ? '–' : amount(rates[of]);
  }
}
