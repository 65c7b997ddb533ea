/**
 * Compares what the agents have counted with what the load generator has seen, client by client. Clients that ended meanwhile are compared by the sums in the ledger.
 */
import { Client, agentIdOf, clientOf } from './client.mjs';
import { LEDGER_ID, Ledger } from './ledger.mjs';

const CONCURRENT_ASKS = 512;
const ASK_TIMEOUT_MS = 2000;
const PROBLEMS_SHOWN = 10;
/** Clients may be ending, and their last words be on their way to the ledger. */
const LEDGER_WAIT_MS = 5000;
const LEDGER_LOOK_MS = 20;

/** @typedef {{ client: string, life: number, thread: number, sequence: number, admitted: number, refused: number, score: number, blocked: boolean, blocks: number, lastPath: string }} ClientStats */

/**
 * @param {import('nexus-agents').Nexus} nexus
 * @param {import('./load/verifier.mjs').ClientTotals[]} expected one entry for each life of each client
 * @returns {Promise<{ live: ClientStats[], ended: number, problems: { count: number, first: string[] } }>}
 */
export async function compareBooks(nexus, expected) {
  const deadline = performance.now() + LEDGER_WAIT_MS;
  for (;;) {
    const books = await compareOnce(nexus, expected);
    // While clients end, those that lived when they were asked are in the ledger by the time it is read. They cannot go on ending for ever.
    if (!books.ledgerDiffers || performance.now() > deadline) return books;
    await new Promise((resolve) => setTimeout(resolve, LEDGER_LOOK_MS));
  }
}

/**
 * @param {import('nexus-agents').Nexus} nexus
 * @param {import('./load/verifier.mjs').ClientTotals[]} expected
 */
async function compareOnce(nexus, expected) {
  const problems = { count: 0, first: /** @type {string[]} */ ([]) };
  const problem = (/** @type {string} */ text) => {
    problems.count++;
    if (problems.first.length < PROBLEMS_SHOWN) problems.first.push(text);
  };
  const names = new Set(expected.map(({ client }) => client));
  for (const { id } of nexus.agents('client')) if (!names.has(clientOf(id))) problem(`there is an agent for client '${clientOf(id)}', who was never answered`);
  const live = await statsOf(nexus, [...names], problem);
  const ended = { clients: 0, requests: 0, admitted: 0, refused: 0 };
  for (const { client, life, requests, admitted } of expected) {
    const stats = live.get(client);
    const refused = requests - admitted;
    if (stats !== undefined && stats.life === life) {
      if (stats.sequence === requests && stats.admitted === admitted && stats.refused === refused) continue;
      problem(
        `client '${client}': its agent counted ${stats.sequence} requests, ${stats.admitted} admitted, ${stats.refused} refused; answers were ${requests}, ${admitted}, ${refused}`,
      );
    } else {
      ended.clients++;
      ended.requests += requests;
      ended.admitted += admitted;
      ended.refused += refused;
    }
  }
  const lives = new Map(expected.map(({ client, life }) => [`${client} ${life}`, true]));
  for (const { client, life } of live.values()) if (!lives.has(`${client} ${life}`)) problem(`client '${client}': its agent is not one that gave answers`);
  const ledgerDiffers = await compareLedger(nexus, ended, problem);
  return { live: [...live.values()], ended: ended.clients, problems, ledgerDiffers };
}

/**
 * @param {import('nexus-agents').Nexus} nexus
 * @param {import('./ledger.mjs').LedgerTotals} expected
 * @param {(text: string) => void} problem
 * @returns {Promise<boolean>} whether the ledger says something else
 */
async function compareLedger(nexus, expected, problem) {
  const ledger = nexus.find(LEDGER_ID, Ledger);
  if (ledger === undefined) {
    problem('the ledger has ended');
    return false;
  }
  const text = describe(await ledger.ask('totals'));
  if (text === describe(expected)) return false;
  problem(`clients that ended: their agents counted ${text}; answers were ${describe(expected)}`);
  return true;
}

/** @param {import('./ledger.mjs').LedgerTotals} totals */
const describe = ({ clients, requests, admitted, refused }) => `${requests} requests of ${clients} clients, ${admitted} admitted, ${refused} refused`;

/**
 * @param {import('nexus-agents').Nexus} nexus
 * @param {string[]} clients
 * @param {(text: string) => void} problem
 * @returns {Promise<Map<string, ClientStats>>} of those that live
 */
async function statsOf(nexus, clients, problem) {
  const live = new Map();
  let position = 0;
  const askSome = async () => {
    while (position < clients.length) {
      const client = /** @type {string} */ (clients[position++]);
      const agent = nexus.find(agentIdOf(client), Client);
      if (agent === undefined) continue;
      try {
        live.set(client, await agent.ask('stats', undefined, { timeoutMs: ASK_TIMEOUT_MS }));
      } catch (error) {
        const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
        // It ended between being found and being asked: the ledger knows it.
        if (code !== 'NEXUS_AGENT_NOT_FOUND' && code !== 'NEXUS_AGENT_STOPPED') problem(`client '${client}': its agent did not tell its totals: ${message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_ASKS }, askSome));
  return live;
}
