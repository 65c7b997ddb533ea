/** What this node may do in its cluster, as a line that cannot be overlooked: its standing, why, and how long its lease lasts; below it the cluster in numbers. */
import type { ClusterSnapshot, NodeStanding } from '../../model/cluster-snapshot.js';
import { clusterTroubles } from './cluster-picture.js';
import { element, setAttribute, setHidden, setText } from './dom.js';
import { milliseconds, whole } from './format.js';
import { visible } from './visible-text.js';

const WORDS: Readonly<Record<NodeStanding, { readonly title: string; readonly meaning: string }>> = {
  joining: { title: 'Joining', meaning: 'This node is no member yet. Its log says what is in the way.' },
  member: { title: 'Member', meaning: 'This node runs its agents.' },
  leaving: { title: 'Leaving', meaning: 'This node goes; the others know, or will at once.' },
  left: { title: 'Left', meaning: 'This node has left: nobody counts on it.' },
  fenced: { title: 'Fenced', meaning: 'This node has stopped its agents, because it is no member any more.' },
};
/** A lease that is as short as this share of the longest one seen: answers of the voters do not come. */
const LEASE_BAD = 0.25;
const LEASE_WARN = 0.5;
const LOCAL_HEALTH_WORST = 8;

export class ClusterStandingView {
  readonly element: HTMLElement;
  readonly #title = element('span', { class: 'standing-title' });
  readonly #who = element('span', { class: 'standing-who' });
  readonly #meaning = element('p', { class: 'standing-meaning' });
  readonly #leaseText = element('span');
  readonly #leaseFill = element('span', { class: 'bar-fill' });
  readonly #leaseBar = element('span', { class: 'bar', 'aria-hidden': 'true' }, this.#leaseFill);
  readonly #lease = element('p', { class: 'standing-lease' }, this.#leaseText, this.#leaseBar);
  readonly #line = element('div', { class: 'standing' });
  readonly #numbers = element('dl', { class: 'totals cluster-totals' });
  readonly #values = new Map<string, { readonly place: HTMLElement; readonly value: HTMLElement; readonly detail: HTMLElement }>();
  /** Said aloud when it changes, not with every snapshot. */
  readonly #announcement = element('p', { class: 'hidden-label', role: 'status' });
  #announced = '';
  #leaseLongestMs = 0;

  constructor() {
    this.#line.append(
      element('span', { class: 'standing-sign', 'aria-hidden': 'true' }),
      element('div', { class: 'standing-words' }, element('p', {}, this.#title, this.#who), this.#meaning),
      this.#lease,
    );
    for (const label of ['Members', 'Sides', 'View', 'Coordinator', 'Local health', 'Refused']) this.#add(label);
    this.element = element('section', { 'aria-label': 'Standing of this node' }, this.#line, this.#announcement, this.#numbers);
  }

  show(cluster: ClusterSnapshot): void {
    const { standing, self, fencedBecause, leaseMs, members, partitions, view, coordinator, resolver, localHealth, refusals } = cluster;
    const words = WORDS[standing];
    setAttribute(this.#line, 'data-standing', standing);
    setText(this.#title, words.title);
    setText(this.#who, ` ${visible(self.name)} in ${visible(cluster.cluster)}`);
    setText(this.#meaning, `${words.meaning}${fencedBecause === undefined ? '' : ` ${sentence(visible(fencedBecause))}`}`);
    this.#showLease(leaseMs);
    const announced = [words.title, ...clusterTroubles(cluster)].join(', ');
    if (this.#announced !== '' && announced !== this.#announced) setText(this.#announcement, announced);
    this.#announced = announced;
    const reachable = members.filter(({ reachability }) => reachability === 'reachable').length;
    const suspect = members.filter(({ reachability }) => reachability === 'suspect').length;
    const unreachable = members.length - reachable - suspect;
    const refused = Object.entries(refusals ?? {}).sort(([, a], [, b]) => b - a);
    this.#set(
      'Members',
      // In no view there are none, and this node is listed all the same.
      whole(view === 0 ? 0 : members.length),
      [...(unreachable > 0 ? [`${unreachable} unreachable`] : []), ...(suspect > 0 ? [`${suspect} suspect`] : [])].join(', ') ||
        (view === 0 ? 'none known' : 'all reachable'),
      unreachable > 0,
    );
    this.#set('Sides', whole(Math.max(1, partitions.length)), partitions.length > 1 ? 'partitioned' : 'no partition', partitions.length > 1);
    this.#set('View', whole(view), `${view === 0 ? 'none yet' : 'agreed'} · ${visible(resolver)}`, false);
    this.#set(
      'Coordinator',
      coordinator === undefined ? '–' : visible(coordinator),
      coordinator === undefined ? 'none known' : coordinator === self.name ? 'this node' : 'proposes changes',
      false,
    );
    this.#set(
      'Local health',
      whole(localHealth),
      localHealth === 0 ? 'healthy' : `0 is healthy, ${LOCAL_HEALTH_WORST} the worst`,
      localHealth >= LOCAL_HEALTH_WORST / 2,
    );
    this.#set('Refused', whole(refused.reduce((sum, [, count]) => sum + count, 0)), refused.length === 0 ? 'nothing' : visible(refused[0]?.[0] ?? ''), false);
  }

  #showLease(leaseMs: number | undefined): void {
    setHidden(this.#lease, leaseMs === undefined);
    if (leaseMs === undefined) return;
    // Its whole length is the option of the node; what was seen of it is near enough for a bar.
    this.#leaseLongestMs = Math.max(this.#leaseLongestMs, leaseMs);
    const share = this.#leaseLongestMs === 0 ? 0 : Math.max(0, leaseMs) / this.#leaseLongestMs;
    const level = share < LEASE_BAD ? 'bad' : share < LEASE_WARN ? 'warn' : 'ok';
    setText(this.#leaseText, `Lease: ${milliseconds(Math.max(0, leaseMs))} left${level === 'bad' ? ' ▲' : level === 'warn' ? ' △' : ''}`);
    setAttribute(this.#lease, 'data-level', level);
    const width = `${Math.round(share * 100)}%`;
    if (this.#leaseFill.style.width !== width) this.#leaseFill.style.width = width;
  }

  #add(label: string): void {
    const value = element('dd', { class: 'total-value cut' });
    const detail = element('dd', { class: 'total-detail' });
    const place = element('div', { class: 'total' }, element('dt', {}, label), value, detail);
    this.#numbers.append(place);
    this.#values.set(label, { place, value, detail });
  }

  #set(label: string, text: string, detail: string, isBad: boolean): void {
    const parts = this.#values.get(label);
    if (parts === undefined) return;
    setText(parts.value, text);
    setAttribute(parts.value, 'title', text);
    setText(parts.detail, detail);
    setAttribute(parts.place, 'data-bad', String(isBad));
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
