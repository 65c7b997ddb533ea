/** `nexus agents`: the live agents of a service, in the order of their ids. */
import { ADDRESS_HELP, ADDRESS_OPTIONS, type ConsoleAddress, consoleAddress } from './console-address.js';
import { askConsole } from './console-client.js';
import { CommandFailure } from './command-failure.js';
import { parseCommandLine, UsageError } from './command-line.js';
import { endWithReader, print } from './standard-output.js';
import { harmless, harmlessJson } from './terminal-text.js';
import { textTable } from './text-table.js';

const COMMAND = 'agents';
/** Of one request: what the gateway gives at most. */
const PAGE = 1000;
const DEFAULT_LIMIT = 100;
/** A page walks all agents: a few milliseconds for every thousand. */
const PAGE_TIMEOUT_MS = 60_000;

export const AGENTS_HELP = `nexus agents [options]

Lists the agents of a running service in the order of their ids.

  --kind KIND               of this kind only
  --prefix TEXT             whose ids begin with this
  --limit N                 at most so many, 1 to 1000000 (default ${DEFAULT_LIMIT})
  --json                    print a JSON array of {id, kind, thread}
${ADDRESS_HELP}
  --help                    print this

Exit code: 0, also if there are none; 1 if the service did not answer; 2 for a mistake in the command line.
`;

export interface ListedAgent {
  readonly id: string;
  readonly kind: string;
  readonly thread: number;
}

export async function agents(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, {
    kind: 'text',
    prefix: 'text',
    limit: { min: 1, max: 1_000_000 },
    json: 'flag',
    ...ADDRESS_OPTIONS,
    help: 'flag',
  });
  if (line.flag('help')) {
    process.stdout.write(AGENTS_HELP);
    return;
  }
  const [unexpected] = line.positionals;
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected; to look into one agent: nexus inspect ${unexpected}`);
  const address = consoleAddress(COMMAND, line, process.env);
  endWithReader();
  const limit = line.number('limit') ?? DEFAULT_LIMIT;
  const { listed, isAll } = await listAgents(address, { kind: line.text('kind'), prefix: line.text('prefix') }, limit);
  if (line.flag('json')) print(harmlessJson(listed, 2));
  else process.stdout.write(agentsText(listed));
  if (!isAll) process.stderr.write(`nexus: there are more than these ${listed.length}: --limit, --kind and --prefix choose which are shown\n`);
}

export interface AgentFilter {
  readonly kind?: string | undefined;
  readonly prefix?: string | undefined;
}

/** The first `limit` agents, page by page. */
export async function listAgents(address: ConsoleAddress, { kind, prefix }: AgentFilter, limit: number): Promise<{ listed: ListedAgent[]; isAll: boolean }> {
  const listed: ListedAgent[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - listed.length)) });
    if (kind !== undefined) query.set('kind', kind);
    if (prefix !== undefined) query.set('prefix', prefix);
    if (after !== undefined) query.set('after', after);
    const page = (await askConsole(address, `/console/agents?${query}`, PAGE_TIMEOUT_MS)) as { agents?: unknown; next?: unknown };
    if (!Array.isArray(page.agents)) throw new CommandFailure(`what the gateway at ${address.url} sent is no list of agents`);
    const before = listed.length;
    for (const each of (page.agents as ListedAgent[]).slice(0, limit - listed.length))
      listed.push({ id: String(each.id), kind: String(each.kind), thread: Number(each.thread) });
    after = typeof page.next === 'string' && listed.length > before ? page.next : undefined;
  } while (after !== undefined && listed.length < limit);
  return { listed, isAll: after === undefined };
}

export function agentsText(listed: readonly ListedAgent[]): string {
  if (listed.length === 0) return 'no agents in memory\n';
  const rows = listed.map(({ id, kind, thread }) => [harmless(id), harmless(kind), String(thread)]);
  return `${textTable([['id', 'kind', 'thread'], ...rows], ['left', 'left', 'right'])
    .map((row) => row.slice(2))
    .join('\n')}\n`;
}
