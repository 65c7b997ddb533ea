/**
 * Where the kinds of a message flow are drawn: in layers from senders to receivers, edges that close a circle left out of the layering, edges over several layers with
 * a bend in each, and each layer in the order that crosses least by the barycentre method (Sugiyama, Tagawa and Toda, 1981). The same flows give the same picture:
 * nothing is drawn at random, and rates do not move anything.
 */
export interface Flow {
  readonly from: string;
  readonly to: string;
}

export type Point = readonly [x: number, y: number];

export interface PlacedNode {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export interface FlowLayout {
  readonly nodes: ReadonlyMap<string, PlacedNode>;
  /** By `wayOf`: the middles of the layers that an edge goes through. */
  readonly bends: ReadonlyMap<string, readonly Point[]>;
  readonly width: number;
  readonly height: number;
}

export interface FlowSizes {
  readonly nodeWidth: number;
  readonly nodeHeight: number;
  /** Of an edge that goes through a layer. */
  readonly bendHeight: number;
  readonly gapX: number;
  readonly gapY: number;
  readonly margin: number;
}

/** A kind, or the place of an edge in a layer that it goes through. */
interface Spot {
  readonly key: string;
  readonly name: string | undefined;
  readonly layer: number;
}

const PASSES = 8;

export function wayOf({ from, to }: Flow): string {
  return JSON.stringify([from, to]);
}

export function layOut(flows: readonly Flow[], sizes: FlowSizes): FlowLayout {
  const names = [...new Set(flows.flatMap(({ from, to }) => [from, to]))].sort();
  const edges = withoutCircles(names, flows);
  const depths = depthsOf(names, edges);
  const { layers, ways, neighbours } = spotsOf(names, edges, depths);
  order(layers, neighbours);
  const { nodeWidth, nodeHeight, bendHeight, gapX, gapY, margin } = sizes;
  const heightOf = ({ name }: Spot): number => (name === undefined ? bendHeight : nodeHeight);
  const heights = layers.map((layer) => layer.reduce((sum, spot) => sum + heightOf(spot) + gapY, -gapY));
  const height = 2 * margin + Math.max(0, ...heights);
  const nodes = new Map<string, PlacedNode>();
  const middles = new Map<string, Point>();
  for (const [depth, layer] of layers.entries()) {
    const x = margin + depth * (nodeWidth + gapX);
    let y = (height - (heights[depth] as number)) / 2;
    for (const spot of layer) {
      if (spot.name !== undefined) nodes.set(spot.name, { name: spot.name, x, y });
      middles.set(spot.key, [x + nodeWidth / 2, y + heightOf(spot) / 2]);
      y += heightOf(spot) + gapY;
    }
  }
  const bends = new Map([...ways].map(([way, spots]) => [way, spots.map(({ key }) => middles.get(key) as Point)]));
  return { nodes, bends, width: 2 * margin + layers.length * nodeWidth + Math.max(0, layers.length - 1) * gapX, height };
}

/** Edges to an agent's own kind, and those that lead back to where a walk came from, are left out. Walks begin where nothing leads to. */
function withoutCircles(names: readonly string[], flows: readonly Flow[]): Flow[] {
  const targets = new Map<string, string[]>(names.map((name) => [name, []]));
  const sources = new Set(names);
  for (const { from, to } of flows) {
    if (from === to) continue;
    targets.get(from)?.push(to);
    sources.delete(to);
  }
  const kept: Flow[] = [];
  const state = new Map<string, 'walking' | 'done'>();
  const walk = (name: string): void => {
    state.set(name, 'walking');
    for (const to of [...new Set(targets.get(name))].sort()) {
      if (state.get(to) === 'walking') continue;
      kept.push({ from: name, to });
      if (state.get(to) === undefined) walk(to);
    }
    state.set(name, 'done');
  };
  for (const name of [...[...sources].sort(), ...names]) if (state.get(name) === undefined) walk(name);
  return kept;
}

/** By the longest way from a source; a source itself just before the first that it leads to. */
function depthsOf(names: readonly string[], edges: readonly Flow[]): ReadonlyMap<string, number> {
  const before = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const { from, to } of edges) before.get(to)?.push(from);
  const depths = new Map<string, number>();
  const depthOf = (name: string): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    const depth = Math.max(0, ...(before.get(name) ?? []).map((from) => depthOf(from) + 1));
    depths.set(name, depth);
    return depth;
  };
  for (const name of names) depthOf(name);
  for (const name of names) {
    const after = edges.filter(({ from }) => from === name).map(({ to }) => depths.get(to) as number);
    if ((before.get(name) as string[]).length === 0 && after.length > 0) depths.set(name, Math.min(...after) - 1);
  }
  return depths;
}

function spotsOf(names: readonly string[], edges: readonly Flow[], depths: ReadonlyMap<string, number>) {
  const layers: Spot[][] = Array.from({ length: Math.max(-1, ...depths.values()) + 1 }, () => []);
  const byName = new Map<string, Spot>();
  const put = (spot: Spot): Spot => {
    layers[spot.layer]?.push(spot);
    return spot;
  };
  for (const name of names) byName.set(name, put({ key: `node ${name}`, name, layer: depths.get(name) as number }));
  const ways = new Map<string, readonly Spot[]>();
  const neighbours = new Map<string, string[]>();
  const join = (a: Spot, b: Spot): void => {
    neighbours.set(a.key, [...(neighbours.get(a.key) ?? []), b.key]);
    neighbours.set(b.key, [...(neighbours.get(b.key) ?? []), a.key]);
  };
  for (const edge of edges) {
    const [from, to] = [byName.get(edge.from) as Spot, byName.get(edge.to) as Spot];
    const through: Spot[] = [];
    for (let layer = from.layer + 1; layer < to.layer; layer++) through.push(put({ key: `bend ${layer} ${wayOf(edge)}`, name: undefined, layer }));
    ways.set(wayOf(edge), through);
    const all = [from, ...through, to];
    for (let index = 1; index < all.length; index++) join(all[index - 1] as Spot, all[index] as Spot);
  }
  return { layers, ways, neighbours };
}

/** In place. */
function order(layers: readonly Spot[][], neighbours: ReadonlyMap<string, readonly string[]>): void {
  const place = new Map<string, number>();
  const note = (layer: readonly Spot[]): void => {
    for (const [index, { key }] of layer.entries()) place.set(key, (index + 0.5) / layer.length);
  };
  for (const layer of layers) note(layer);
  for (let pass = 0; pass < PASSES; pass++) {
    for (const layer of pass % 2 === 0 ? layers : [...layers].reverse()) {
      const centre = new Map(layer.map(({ key }) => [key, barycentre(neighbours.get(key) ?? [], place, place.get(key) as number)]));
      layer.sort((a, b) => (centre.get(a.key) as number) - (centre.get(b.key) as number) || (a.key < b.key ? -1 : 1));
      note(layer);
    }
  }
}

function barycentre(keys: readonly string[], place: ReadonlyMap<string, number>, own: number): number {
  return keys.length === 0 ? own : keys.reduce((sum, key) => sum + (place.get(key) as number), 0) / keys.length;
}
