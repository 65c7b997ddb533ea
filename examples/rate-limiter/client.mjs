/**
 * The agent of one client: applies the policy to its requests, one after the other, and ends itself when there is nothing left to remember. Its id is
 * `client/` and the client's key. The decision is `admission.mjs`; here are identity, counting and the end.
 */
import { defineAgent } from 'nexus-agents';
import { decay } from './abuse-score.mjs';
import { admit, isForgettable, newAdmission } from './admission.mjs';
import { LEDGER_ID } from './ledger.mjs';
import { DEFAULT_POLICY, resolvePolicy } from './policy.mjs';
import { refill, TOKEN } from './token-bucket.mjs';

const ID_PREFIX = 'client/';
const LAST_PATH_CHARACTERS_MAX = 80;

/** @param {string} client */
export const agentIdOf = (client) => ID_PREFIX + client;

/** @param {string} agentId */
export const clientOf = (agentId) => agentId.slice(ID_PREFIX.length);

/**
 * @typedef {import('./admission.mjs').Decision & { client: string, life: number, sequence: number, elapsedMs: number }} AdmitReply
 * `life`: when this agent was started, in milliseconds since 1970; `sequence`: number of the request in this life, from 1;
 * `elapsedMs`: time since the first request of this life, as the agent sees it.
 */

export const Client = defineAgent({
  kind: 'client',
  /** @param {import('./policy.mjs').PolicyChanges | undefined} changes what differs from the default policy */
  state: (changes) => {
    const policy = sharedPolicy(changes);
    return { policy, admission: newAdmission(policy), life: 0, firstMs: 0, seenMs: 0, sequence: 0, admitted: 0, blocks: 0, lastPath: '', inLogTime: false };
  },
  onStart: (client, ctx) => {
    client.life = ctx.clock.epochMs();
    client.seenMs = ctx.clock.nowMs();
    if (client.policy.idleMs > 0) ctx.timers.after(client.policy.idleMs, 'endIfIdle');
  },
  actions: {
    /**
     * @param {{ path?: string, status?: number, atMs?: number }} request `atMs`: the time of the request in a log; all requests of a client have one, or none
     * @returns {AdmitReply}
     */
    admit: (client, request, ctx) => {
      const nowMs = ctx.clock.nowMs();
      const wasBlocked = client.admission.blockedUntilMs;
      const { admission, decision } = admit(client.admission, client.policy, { atMs: request.atMs ?? nowMs, status: request.status });
      if (client.sequence === 0) client.firstMs = admission.atMs;
      client.admission = admission;
      client.seenMs = nowMs;
      client.inLogTime = request.atMs !== undefined;
      client.sequence++;
      if (decision.admitted) client.admitted++;
      if (admission.blockedUntilMs !== wasBlocked) client.blocks++;
      if (request.path !== undefined) client.lastPath = request.path.slice(0, LAST_PATH_CHARACTERS_MAX);
      return { client: clientOf(ctx.id), life: client.life, sequence: client.sequence, elapsedMs: admission.atMs - client.firstMs, ...decision };
    },

    stats: (client, _input, ctx) => {
      const { admission, policy } = client;
      const atMs = client.inLogTime ? admission.atMs : ctx.clock.nowMs();
      const elapsedMs = Math.max(0, atMs - admission.atMs);
      return {
        client: clientOf(ctx.id),
        life: client.life,
        thread: ctx.thread,
        sequence: client.sequence,
        admitted: client.admitted,
        refused: client.sequence - client.admitted,
        remaining: Math.floor(refill(admission.tokens, elapsedMs, policy) / TOKEN),
        score: Math.round(decay(admission.points, elapsedMs, policy.abuse) * 10) / 10,
        blocked: atMs < admission.blockedUntilMs,
        blocks: client.blocks,
        lastPath: client.lastPath,
      };
    },

    /** The one timer of a client: looks whether it is idle, and if not, when it could be. */
    endIfIdle: (client, _input, ctx) => {
      const { idleMs } = client.policy;
      const nowMs = ctx.clock.nowMs();
      const restMs = client.seenMs + idleMs - nowMs;
      if (restMs > 0) return void ctx.timers.after(restMs, 'endIfIdle');
      // The end of a log's time is not known here.
      if (client.inLogTime || !isForgettable(client.admission, client.policy, nowMs)) return void ctx.timers.after(idleMs, 'endIfIdle');
      // One whose first request has not come in time, or never will, has nothing for the books: another one is started for it.
      if (client.sequence === 0) return void ctx.stop();
      const account = { requests: client.sequence, admitted: client.admitted, refused: client.sequence - client.admitted };
      // Without the entry the books would be wrong: rather live a little longer.
      if (ctx.send(LEDGER_ID, 'close', account) === 'accepted') ctx.stop();
      else ctx.timers.after(idleMs, 'endIfIdle');
    },
  },
});

const POLICIES_MAX = 64;
/** Clients of one thread with the same changes share one policy: it is frozen, and there are very many of them. */
const policies = new Map();

/** @param {import('./policy.mjs').PolicyChanges | undefined} changes */
function sharedPolicy(changes) {
  if (changes === undefined) return DEFAULT_POLICY;
  const key = JSON.stringify(changes);
  let policy = policies.get(key);
  if (policy === undefined) {
    policy = resolvePolicy(changes);
    if (policies.size < POLICIES_MAX) policies.set(key, policy);
  }
  return policy;
}
