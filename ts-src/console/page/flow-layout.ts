/**
 * Where the kinds of a message flow are drawn: in layers from senders to receivers, edges that close a circle left out of the layering, and each layer in the order
 * that crosses least by the barycentre method (Sugiyama, Tagawa and Toda, 1981). The same flows give the same picture: nothing is drawn at random, and rates do not
 * move anything.
 */
export interface Flow {
  readonly from: string;
  readonly to: string;
}

export interface PlacedNode {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export interface FlowLayout {
  readonly nodes: ReadonlyMap<string, PlacedNode>;
  readonly width: number;
  readonly height: number;
}

export interface FlowSizes {
  readonly nodeWidth: number;
  readonly nodeHeight: number;
  readonly gapX: number;
  readonly gapY: number;
  readonly margin: number;
  /** A layer with more is broken into several. */
  readonly layerNodesMax: number;
}

const PASSES = 6;

export function layOut(flows: readonly Flow[], sizes: FlowSizes): FlowLayout {
  const names = [...new Set(flows.flatMap(({ from, to }) => [from, to]))].sort();
  const edges = withoutCircles(names, flows);
  const layers = broken(ordered(layersOf(names, edges), edges), sizes.layerNodesMax);
  const { nodeWidth, nodeHeight, gapX, gapY, margin } = sizes;
  const tallest = Math.max(0, ...layers.map((layer) => layer.length));
  const height = 2 * margin + tallest * nodeHeight + Math.max(0, tallest - 1) * gapY;
  const nodes = new Map<string, PlacedNode>();
  for (const [depth, layer] of layers.entries()) {
    const used = layer.length * nodeHeight + (layer.length - 1) * gapY;
    for (const [row, name] of layer.entries())
      nodes.set(name, { name, x: margin + depth * (nodeWidth + gapX), y: (height - used) / 2 + row * (nodeHeight + gapY) });
  }
  return { nodes, width: 2 * margin + layers.length * nodeWidth + Math.max(0, layers.length - 1) * gapX, height };
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

/** By the longest way from a source. */
function layersOf(names: readonly string[], edges: readonly Flow[]): string[][] {
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
  const deepest = Math.max(-1, ...names.map(depthOf));
  return Array.from({ length: deepest + 1 }, (_, depth) => names.filter((name) => depthOf(name) === depth));
}

function ordered(layers: string[][], edges: readonly Flow[]): string[][] {
  const neighbours = new Map<string, string[]>();
  for (const { from, to } of edges) {
    neighbours.set(from, [...(neighbours.get(from) ?? []), to]);
    neighbours.set(to, [...(neighbours.get(to) ?? []), from]);
  }
  const place = new Map<string, number>();
  const note = (layer: readonly string[]): void => {
    for (const [index, name] of layer.entries()) place.set(name, (index + 0.5) / layer.length);
  };
  for (const layer of layers) note(layer);
  for (let pass = 0; pass < PASSES; pass++) {
    for (const layer of pass % 2 === 0 ? layers : [...layers].reverse()) {
      const centre = new Map(layer.map((name) => [name, barycentre(neighbours.get(name) ?? [], place, place.get(name) as number)]));
      layer.sort((a, b) => (centre.get(a) as number) - (centre.get(b) as number) || (a < b ? -1 : 1));
      note(layer);
    }
  }
  return layers;
}

function barycentre(names: readonly string[], place: ReadonlyMap<string, number>, own: number): number {
  return names.length === 0 ? own : names.reduce((sum, name) => sum + (place.get(name) as number), 0) / names.length;
}

function broken(layers: readonly string[][], nodesMax: number): string[][] {
  return layers.flatMap((layer) => {
    const parts = Math.ceil(layer.length / nodesMax);
    const size = Math.ceil(layer.length / parts);
    return Array.from({ length: parts }, (_, part) => layer.slice(part * size, (part + 1) * size));
  });
}
