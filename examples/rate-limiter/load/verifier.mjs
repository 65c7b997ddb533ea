/**
 * Knows every request that was made and checks every answer to it: that it is an answer to this client, that status, body and headers say the same, that nothing was
 * lost or handled twice, and that the limits were applied, no less and no more. Memory is per client, not per request. Used by the load generator.
 */
import { resolvePolicy } from '../policy.mjs';
import { ClientRecord } from './client-record.mjs';

/** Of each kind, so that many of one do not hide another. */
const PROBLEMS_SHOWN_PER_KIND = 5;
/** Share by which the clocks of two threads may go differently fast. */
const CLOCK_TOLERANCE = 0.01;

/**
 * @typedef {object} Sent
 * @property {string} client
 * @property {boolean} wellBehaved  The client keeps within its rate for certain.
 * @property {number} sentMs  Clock of the load generator.
 * @property {number} [atMs]  Time of the request in a log.
 * @property {number} [status]  Outcome in a log.
 */

/** @typedef {{ client: string, requests: number, admitted: number, blocks: number, life: number }} ClientTotals one life of one client */
/** @typedef {{ count: number, byKind: Record<string, number>, first: string[] }} Problems */

export class Verifier {
  sent = 0;
  answered = 0;
  admitted = 0;
  refused = 0;
  #policy;
  #problems = { count: 0, byKind: /** @type {Record<string, number>} */ ({}), first: /** @type {string[]} */ ([]) };
  /** @type {Map<string, { lives: Map<number, ClientRecord>, firstSentMs: number, lastReceivedMs: number, firstAtMs: number, latestAtMs: number }>} */
  #clients = new Map();

  /** @param {import('../policy.mjs').PolicyChanges} policy */
  constructor(policy) {
    this.#policy = resolvePolicy(policy);
  }

  get problemCount() {
    return this.#problems.count;
  }

  /** @param {Sent} sent */
  onSent({ client, sentMs, atMs = 0 }) {
    this.sent++;
    const known = this.#clients.get(client);
    if (known === undefined) this.#clients.set(client, { lives: new Map(), firstSentMs: sentMs, lastReceivedMs: sentMs, firstAtMs: atMs, latestAtMs: atMs });
    else known.latestAtMs = Math.max(known.latestAtMs, atMs);
  }

  /**
   * A request that was sent and has no answer.
   * @param {string} client
   * @param {string} why
   */
  onUnanswered(client, why) {
    this.#problem('unanswered', client, why);
  }

  /**
   * Something went wrong that belongs to no single client.
   * @param {string} kind
   * @param {string} text
   */
  onFailure(kind, text) {
    this.#problem(kind, undefined, text);
  }

  /**
   * @param {Sent} sent
   * @param {{ status: number, body: string, retryAfter: string | undefined, receivedMs: number }} received
   * @returns {boolean | undefined} admitted; undefined if the answer makes no sense
   */
  onAnswer(sent, { status, body, retryAfter, receivedMs }) {
    this.answered++;
    const { client } = sent;
    const problem = (/** @type {string} */ kind, /** @type {string} */ text) => this.#problem(kind, client, text);
    if (status !== 200 && status !== 429) return void problem('status', `answered ${status}: ${body.slice(0, 200)}`);
    const answer = readAnswer(body);
    if (typeof answer === 'string') return void problem('body', `${answer}: ${body.slice(0, 200)}`);
    if (answer.client !== client) return void problem('client', `got the answer for '${answer.client}', sequence number ${answer.sequence}`);
    if (answer.admitted !== (status === 200)) return void problem('status', `answered ${status}, and admitted: ${answer.admitted}`);
    if (answer.admitted) this.admitted++;
    else this.refused++;
    const wanted = answer.admitted ? undefined : String(Math.ceil(answer.retryAfterMs / 1000));
    if (retryAfter !== wanted) problem('retry', `Retry-After is ${retryAfter}, and should be ${wanted}`);
    const known = this.#clients.get(client);
    if (known === undefined) return void problem('client', 'was never asked for');
    known.lastReceivedMs = Math.max(known.lastReceivedMs, receivedMs);
    // One client is on one connection in a replay: what was sent before was handled before.
    if (sent.atMs !== undefined && answer.elapsedMs !== known.latestAtMs - known.firstAtMs) {
      problem('time', `request ${answer.sequence}: ${answer.elapsedMs} ms after the first, in the log ${known.latestAtMs - known.firstAtMs} ms`);
    }
    let record = known.lives.get(answer.life);
    if (record === undefined) {
      record = new ClientRecord();
      known.lives.set(answer.life, record);
    }
    const isErrorStatus = sent.status === 401 || sent.status === 403 || sent.status === 404;
    record.add({ ...answer, isErrorStatus, wellBehaved: sent.wellBehaved }, this.#policy, problem);
    return answer.admitted;
  }

  /**
   * Ends the run: what is missing now is lost.
   * @param {{ logTime: boolean }} options
   * @returns {{ clients: ClientTotals[], problems: Problems }}
   */
  finish({ logTime }) {
    /** @type {ClientTotals[]} */
    const clients = [];
    for (const [client, { lives, firstSentMs, lastReceivedMs }] of this.#clients) {
      let admitted = 0;
      for (const [life, record] of lives) {
        record.finish((kind, text) => this.#problem(kind, client, text));
        admitted += record.admitted;
        clients.push({ client, life, requests: record.requests, admitted: record.admitted, blocks: record.blocks });
      }
      // By the clock of this process, and over all lives: whatever time the agents believe it is.
      const allowed = this.#policy.burst + (this.#policy.rate * (lastReceivedMs - firstSentMs) * (1 + CLOCK_TOLERANCE)) / 1000;
      if (!logTime && admitted > allowed) this.#problem('admitted in all', client, `admitted ${admitted} times in a time that allows ${allowed.toFixed(2)}`);
    }
    if (this.admitted + this.refused !== this.sent) {
      this.#problem('totals', undefined, `${this.admitted} admitted + ${this.refused} refused are not the ${this.sent} requests`);
    }
    return { clients, problems: this.#problems };
  }

  /**
   * @param {string} kind
   * @param {string | undefined} client
   * @param {string} text
   */
  #problem(kind, client, text) {
    const problems = this.#problems;
    problems.count++;
    const count = (problems.byKind[kind] ?? 0) + 1;
    problems.byKind[kind] = count;
    if (count <= PROBLEMS_SHOWN_PER_KIND) problems.first.push(client === undefined ? text : `client '${client}': ${text}`);
  }
}

/**
 * @param {string} body
 * @returns {(import('../client.mjs').AdmitReply) | string} the answer, or what is wrong with it
 */
function readAnswer(body) {
  let answer;
  try {
    answer = JSON.parse(body);
  } catch {
    return 'the body is not JSON';
  }
  if (typeof answer !== 'object' || answer === null) return 'the body is not an object';
  if (typeof answer.client !== 'string') return 'no client';
  if (typeof answer.admitted !== 'boolean' || typeof answer.blocked !== 'boolean') return 'admitted or blocked is not true or false';
  if (!(Number.isSafeInteger(answer.sequence) && answer.sequence >= 1)) return 'sequence is not a whole number from 1';
  if (!(Number.isSafeInteger(answer.remaining) && answer.remaining >= 0)) return 'remaining is not a whole number from 0';
  for (const name of ['life', 'elapsedMs', 'retryAfterMs', 'score']) {
    if (!(Number.isFinite(answer[name]) && answer[name] >= 0)) return `${name} is not a number from 0`;
  }
  return answer;
}
