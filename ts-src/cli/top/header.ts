/** The first lines of `nexus top`: the whole system in words and numbers, as much of it as there is room for. Pure. */
import type { ConsoleSnapshot } from '../../console/protocol.js';
import type { ClusterSnapshot } from '../../model/cluster-snapshot.js';
import type { DurationSummary } from '../../model/observation.js';
import { ageText, bytesText, countText, durationText, rateText } from '../quantity-text.js';
import { harmless, widthOf } from '../terminal-text.js';
import { sidesText, standingStyle } from './cluster-rows.js';
import { type Segment, type Style, type StyledLine, segment } from './styled-line.js';

/** A label with its value, kept together on a line. */
type Item = readonly Segment[];

const BETWEEN = '  ';

/** At most `linesMax` lines: each group of numbers on lines of its own, without the last groups where there is no room for them; where there is little room, the few that matter most. */
export function headerLines(snapshot: ConsoleSnapshot, url: string, columns: number, linesMax: number, isAscii: boolean): readonly StyledLine[] {
  const { groups, few } = headerItems(snapshot, url, isAscii);
  const apart = groups.map((items) => flow(items, columns));
  if (linesMax < 3) return flow(few, columns).slice(0, linesMax);
  const lines: StyledLine[] = [];
  for (const group of apart) {
    if (lines.length + group.length > linesMax) break;
    lines.push(...group);
  }
  return lines.length < linesMax - 1 && lines.length < apart.flat().length ? flow(few, columns).slice(0, linesMax) : lines;
}

/** Groups have lines of their own; the few are for screens that are too small for that. */
function headerItems(snapshot: ConsoleSnapshot, url: string, isAscii: boolean): { readonly groups: readonly Item[][]; readonly few: readonly Item[] } {
  const { cluster, process, agents, messages, deadLetters, restarts, durations, periodMs } = snapshot;
  const clean = (text: unknown): string => harmless(String(text ?? '-'), isAscii);
  // The first snapshot after a while has nothing to compare with: its rates are not 0, they are not known yet.
  const rate = (value: number): string => (periodMs > 0 ? `${rateText(value)}/s` : '-');
  const alarm = (value: number): Style => (periodMs > 0 && value > 0 ? 'bad' : 'plain');
  const cpu = item('cpu', Number.isFinite(process.cpuCores) ? `${process.cpuCores.toFixed(2)} cores` : '-');
  const memory = item('memory', bytesText(process.residentBytes));
  const live = item('agents', countText(agents.live));
  const waiting = item('waiting', countText(messages.waiting));
  const handled = item('handled', rate(messages.handledPerSecond));
  const failed = item('failed', rate(messages.failedPerSecond), alarm(messages.failedPerSecond));
  const dead = item('dead letters', rate(deadLetters.perSecond), alarm(deadLetters.perSecond));
  const restarted = item('restarts', `${countText(restarts.total)}${periodMs > 0 ? ` +${rate(restarts.perSecond)}` : ''}`, alarm(restarts.perSecond));
  const stopping: Item[] = process.isStopping ? [[segment('stopping', 'bad')]] : [];
  const clusterItems = cluster === undefined ? [] : clusterItemsOf(cluster, clean);
  return {
    groups: [
      [
        [segment('nexus top', 'title')],
        ...stopping,
        [segment(clean(url), 'strong')],
        item('pid', clean(process.pid)),
        item('up', ageText(process.uptimeMs)),
        [segment(clean(process.engine?.kind))],
        item('node', clean(process.nodeVersion).replace(/^v/, '')),
      ],
      ...(clusterItems.length === 0 ? [] : [clusterItems]),
      [cpu, memory, [...live, segment(periodMs > 0 ? ` +${rate(agents.spawnedPerSecond)} -${rate(agents.stoppedPerSecond)}` : '')], waiting],
      [
        handled,
        item('local', rate(messages.localPerSecond)),
        item('remote', periodMs > 0 ? `${rate(messages.remotePerSecond)} ${bytesText(messages.remoteBytesPerSecond)}/s` : '-'),
        failed,
        dead,
        restarted,
      ],
      [
        durationItem('ask local', durations['ask_local'], isAscii),
        durationItem('remote', durations['ask_remote'], isAscii),
        durationItem('turn', durations['turn'], isAscii),
        durationItem('wait', durations['message_wait'], isAscii),
      ],
    ],
    few: [...stopping, ...clusterItems.slice(0, 1), handled, cpu, live, failed, dead, waiting, restarted, memory],
  };
}

/** The first of them is what matters most. */
function clusterItemsOf(cluster: ClusterSnapshot, clean: (text: unknown) => string): Item[] {
  const { standing, self, view, members, fencedBecause } = cluster;
  const away = members.filter(({ reachability }) => reachability === 'unreachable').length;
  const sides = sidesText(cluster);
  return [
    [
      segment(standing === 'fenced' ? ' fenced ' : standing, standingStyle(cluster)),
      segment(` ${clean(self.name)}`, 'strong'),
      segment(` of ${clean(cluster.cluster)}`, 'dim'),
    ],
    ...(fencedBecause === undefined ? [] : [[segment(clean(fencedBecause), 'bad')]]),
    item('view', countText(view)),
    item('nodes', `${countText(members.length)}${away === 0 ? '' : `, ${countText(away)} unreachable`}`, away === 0 ? 'plain' : 'bad'),
    ...(sides === undefined ? [] : [[segment(sides, 'bad')]]),
  ];
}

function item(label: string, value: string, style: Style = 'plain'): Item {
  return [segment(`${label} `, 'dim'), segment(value, style)];
}

/** Median and 99th percentile since the start. */
function durationItem(label: string, summary: DurationSummary | undefined, isAscii: boolean): Item {
  const isKnown = summary !== undefined && summary.count > 0;
  return item(label, isKnown ? `${durationText(summary.p50Ms, isAscii)}/${durationText(summary.p99Ms, isAscii)}` : '-');
}

/** Items on lines, each as full as it gets. */
function flow(items: readonly Item[], columns: number): StyledLine[] {
  const lines: Segment[][] = [];
  let left = 0;
  for (const each of items) {
    const width = each.reduce((sum, { text }) => sum + widthOf(text), 0);
    const line = lines.at(-1);
    if (line !== undefined && left >= width + BETWEEN.length) {
      line.push(segment(BETWEEN), ...each);
      left -= width + BETWEEN.length;
    } else {
      lines.push([...each]);
      left = columns - width;
    }
  }
  return lines;
}
