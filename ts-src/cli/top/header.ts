/** The first lines of `nexus top`: the whole system in words and numbers, as much of it as there is room for. Pure. */
import type { DurationSummary, SystemSnapshot } from '../../model/observation.js';
import { ageText, bytesText, countText, durationText, rateText } from '../quantity-text.js';
import { harmless, widthOf } from '../terminal-text.js';
import { type Segment, type Style, type StyledLine, segment } from './styled-line.js';

/** A label with its value, kept together on a line. */
type Item = readonly Segment[];

const BETWEEN = '  ';

/** At most `linesMax` lines: each group of numbers on lines of its own, without the last groups where there is no room for them; where there is little room, the few that matter most. */
export function headerLines(snapshot: SystemSnapshot, url: string, columns: number, linesMax: number, isAscii: boolean): readonly StyledLine[] {
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
function headerItems(snapshot: SystemSnapshot, url: string, isAscii: boolean): { readonly groups: readonly Item[][]; readonly few: readonly Item[] } {
  const { process, agents, messages, deadLetters, restarts, durations, periodMs } = snapshot;
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
    few: [...stopping, handled, cpu, live, failed, dead, waiting, restarted, memory],
  };
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
