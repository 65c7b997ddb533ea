/** `nexus inspect ID`: one agent of a running service, looked into. */
import type { AgentInspection } from '../model/observation.js';
import { inspectAgent } from './agent-lookup.js';
import { ADDRESS_HELP, ADDRESS_OPTIONS, consoleAddress } from './console-address.js';
import { parseCommandLine, UsageError } from './command-line.js';
import { countText, durationText, timeText } from './quantity-text.js';
import { endWithReader, print } from './standard-output.js';
import { harmless, harmlessJson } from './terminal-text.js';
import { textTable } from './text-table.js';

const COMMAND = 'inspect';

export const INSPECT_HELP = `nexus inspect ID [options]

Looks into an agent of a running service: its state, its mailbox, its timers, what it is subscribed to, its last signals.
Put -- before an id that begins with a dash.

  --json                    print it as JSON
${ADDRESS_HELP}
  --help                    print this

Exit code: 0; 1 if there is no such agent or the service did not answer; 2 for a mistake in the command line.
`;

export async function inspect(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, { json: 'flag', ...ADDRESS_OPTIONS, help: 'flag' });
  if (line.flag('help')) {
    process.stdout.write(INSPECT_HELP);
    return;
  }
  const [id, unexpected] = line.positionals;
  if (id === undefined || id === '') throw new UsageError(COMMAND, 'which agent? Give its id: nexus agents lists them');
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: give one id`);
  const address = consoleAddress(COMMAND, line, process.env);
  endWithReader();
  const inspection = await inspectAgent(address, id);
  if (line.flag('json')) print(harmlessJson(inspection, 2));
  else process.stdout.write(inspectionText(inspection));
}

/** Pure: what is shown of it to people. */
export function inspectionText(agent: AgentInspection): string {
  const { mailbox, timers, subscriptions, signals } = agent;
  return `${[
    `${harmless(agent.kind)} ${harmless(agent.id)}`,
    ...textTable([
      ['status', harmless(agent.status)],
      ['thread', String(agent.thread)],
      ['restarts', countText(agent.restarts)],
      ['durable', agent.isDurable ? 'yes' : 'no'],
      ['parent', agent.parent === undefined ? '-' : harmless(agent.parent)],
      ['ties', `children ${countText(agent.children)}, watchers ${countText(agent.watchers)}, links ${countText(agent.links)}`],
      ['groups', agent.groups.length === 0 ? '-' : agent.groups.map((group) => harmless(group)).join(', ')],
      ['mailbox', `${countText(mailbox.waiting)} of ${countText(mailbox.capacity)} (${harmless(mailbox.overflow)})`],
    ]),
    '',
    `state${agent.state.isCut ? ' (cut off)' : ''}`,
    ...agent.state.text.split('\n').map((text) => `  ${harmless(text)}`),
    ...section(
      `waiting, the oldest first${mailbox.waiting > mailbox.first.length ? ` (${mailbox.first.length} of ${countText(mailbox.waiting)})` : ''}`,
      ['action', 'from', '', 'input'],
      mailbox.first.map(({ action, sender, isAsk, input }) => [action, sender ?? '(outside)', isAsk ? 'ask' : 'tell', oneLine(input.text, input.isCut)]),
    ),
    ...section(
      'timers',
      ['action', 'due in', 'every'],
      timers.map(({ action, dueInMs, periodMs }) => [action, durationText(dueInMs), periodMs > 0 ? durationText(periodMs) : '-']),
    ),
    ...section(
      'subscriptions',
      ['pattern', 'action'],
      subscriptions.map(({ pattern, action }) => [pattern, action]),
    ),
    ...section(
      'signals, the latest first',
      ['time', '', 'topic'],
      signals.map(({ atMs, direction, topic }) => [timeText(atMs), direction, topic]),
    ),
  ].join('\n')}\n`;
}

/** Nothing, if it has no rows. */
function section(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : ['', title, ...textTable([columns, ...rows.map((row) => row.map((cell) => harmless(cell)))])];
}

/** A value as one line. */
export function oneLine(text: string, isCut: boolean): string {
  return `${text.replace(/\s*\n\s*/g, ' ')}${isCut ? ' …' : ''}`;
}
