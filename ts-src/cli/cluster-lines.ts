/** What `nexus run` prints of its cluster: a line when this node is a member, and a line for each change; and its log without those. */
import { systemClock } from '../adapters/system-clock.js';
import type { Cluster } from '../cluster/cluster.js';
import { type SayStall, StallLines } from '../cluster/stall-lines.js';
import type { Logger } from '../model/agent-context.js';
import { addressText, type NodeIdentity } from '../model/node-identity.js';

/** Said once, of a node that has not joined by then. */
const STILL_JOINING_MS = 10_000;
/** Names that a line lists. */
const NAMES_MAX = 20;

/** Events of the log that have a line of their own. */
const PRINTED = ['memberJoined', 'memberLeft', 'memberRemoved', 'reachability', 'stalled', 'fenced'];

/** @param write one line, without its end @param json lines are JSON */
export function printClusterLines(cluster: Cluster, json: boolean, logger: Logger, write: (line: string) => void): void {
  const say = (event: string, text: string, data: object): void => {
    const members = cluster.members().map(({ name }) => name);
    const shown = members.length <= NAMES_MAX ? members.join(', ') : `${members.slice(0, NAMES_MAX).join(', ')} and ${members.length - NAMES_MAX} more`;
    write(json ? JSON.stringify({ event, cluster: cluster.name, view: cluster.view, members, ...data }) : `nexus: ${text} (view ${cluster.view}: ${shown})`);
  };
  const isOther = ({ name }: NodeIdentity): boolean => name !== cluster.self.name;
  let wasMember = false;
  const joined = (): void => {
    wasMember = true;
    const { name } = cluster.self;
    const address = addressText(cluster.address);
    say('joined', `${name} joined ${cluster.name} at ${address}`, { node: name, address });
  };
  if (cluster.standing === 'member') joined();
  cluster.on('standing', ({ standing }) => {
    if (standing === 'member' && !wasMember) joined();
  });
  cluster.on('memberJoined', (node) => {
    if (wasMember && isOther(node)) say('memberJoined', `${node.name} joined`, { node: node.name });
  });
  cluster.on('memberLeft', (node) => {
    if (isOther(node)) say('memberLeft', `${node.name} left`, { node: node.name });
  });
  cluster.on('memberRemoved', (node) => {
    if (isOther(node)) say('memberRemoved', `${node.name} was removed`, { node: node.name });
  });
  const unreachable = new Set<string>();
  cluster.on('reachability', ({ node: { name }, reachability }) => {
    if (reachability === 'unreachable') unreachable.add(name);
    else if (reachability === 'suspect' || !unreachable.delete(name)) return;
    say(reachability, reachability === 'unreachable' ? `${name} is unreachable` : `${name} is reachable again`, { node: name });
  });
  const sayStall: SayStall = ({ name }, threads, leftOut) => {
    const what = threads.length === 0 ? 'no thread is blocked any more' : `${threads.length === 1 ? 'thread' : 'threads'} ${threads.join(', ')} blocked`;
    const more = leftOut > 0 ? `, and ${leftOut === 1 ? 'once' : `${leftOut} times`} since the last line` : '';
    say('stalled', `${name}: ${what}${more}`, { node: name, threads });
  };
  // Programs get each of them.
  const stalls = json ? undefined : new StallLines(systemClock, sayStall);
  cluster.on('stalled', ({ node, threads }) => (stalls === undefined ? sayStall(node, threads, 0) : stalls.happened(node, threads)));
  for (const event of ['memberLeft', 'memberRemoved'] as const) cluster.on(event, (node) => stalls?.forget(node));
  const timer = setTimeout(() => {
    if (cluster.standing === 'joining')
      logger.warn({ cluster: cluster.name, node: cluster.self.name }, 'this node has found no cluster yet, and goes on looking for the others');
  }, STILL_JOINING_MS);
  timer.unref();
}

/** Without what is printed as lines: for where both go to one terminal, which would show each event twice. */
export function withoutClusterLines(logger: Logger): Logger {
  const unlessPrinted =
    (level: keyof Logger) =>
    (data: object, message: string): void => {
      if (!isPrinted(data)) logger[level](data, message);
    };
  return { debug: unlessPrinted('debug'), info: unlessPrinted('info'), warn: unlessPrinted('warn'), error: unlessPrinted('error') };
}

function isPrinted(data: object): boolean {
  const { cluster, event, standing } = data as { readonly cluster?: unknown; readonly event?: unknown; readonly standing?: unknown };
  return cluster !== undefined && (PRINTED.includes(event as string) || (event === 'standing' && standing === 'member'));
}
