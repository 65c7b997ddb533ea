/** The view of the cluster: the standing of this node, who reaches whom, all nodes, and the links of this one. Drawn only while it is seen; its link in the header says when something is wrong. */
import type { ClusterSnapshot } from '../../model/cluster-snapshot.js';
import { ClusterLinksPanel } from './panel-cluster-links.js';
import { ClusterNodesPanel } from './panel-cluster-nodes.js';
import { clusterTroubles } from './cluster-picture.js';
import { ClusterStandingView } from './cluster-standing.js';
import { element, setAttribute, setHidden, setText } from './dom.js';
import { RegistryPanel } from './panel-registry.js';
import { ReachabilityPanel } from './panel-reachability.js';

export class ClusterView {
  readonly #standing = new ClusterStandingView();
  readonly #reachability = new ReachabilityPanel();
  readonly #nodes = new ClusterNodesPanel();
  readonly #links = new ClusterLinksPanel();
  readonly #registry = new RegistryPanel();
  readonly #content: HTMLElement;
  readonly #none = element('p', { class: 'empty' }, 'This nexus is no node of a cluster.');

  constructor(place: HTMLElement) {
    const below = element('div', { class: 'cluster-grid' }, this.#reachability.panel.element, this.#links.panel.element);
    this.#content = element(
      'div',
      { class: 'cluster' },
      this.#standing.element,
      this.#reachability.sides,
      this.#nodes.panel.element,
      this.#registry.panel.element,
      below,
    );
    this.#content.hidden = true;
    place.append(element('h1', { id: 'cluster-title', class: 'hidden-label' }, 'Cluster'), this.#none, this.#content);
  }

  show(cluster: ClusterSnapshot | undefined): void {
    setHidden(this.#none, cluster !== undefined);
    setHidden(this.#content, cluster === undefined);
    if (cluster === undefined) return;
    this.#standing.show(cluster);
    for (const part of [this.#reachability, this.#nodes, this.#registry, this.#links]) part.show(cluster);
  }
}

/** The link to the view, there only for a node of a cluster, with a sign when somebody should look. */
export class ClusterLink {
  readonly #place: HTMLElement;
  readonly #sign = element('span', { class: 'link-sign' });

  constructor(place: HTMLElement) {
    this.#place = place;
    place.querySelector('a')?.append(this.#sign);
  }

  show(cluster: ClusterSnapshot | undefined): void {
    setHidden(this.#place, cluster === undefined);
    const troubles = cluster === undefined ? [] : clusterTroubles(cluster);
    setText(this.#sign, troubles.length === 0 ? '' : ' ▲');
    const link = this.#place.querySelector('a') as HTMLAnchorElement;
    if (troubles.length === 0) link.removeAttribute('title');
    else setAttribute(link, 'title', troubles.join(', '));
    setAttribute(this.#place, 'data-bad', String(cluster?.standing === 'fenced' || (cluster?.partitions.length ?? 0) > 1));
  }
}
