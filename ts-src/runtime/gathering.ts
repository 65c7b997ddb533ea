/** One question to many agents: asks them all, keeps who said what, and ends when `routing/quorum.ts` says so. What is still waited for then is given up. */
import { NexusError, quoted } from '../errors.js';
import type { AgentRef } from '../model/agent-ref.js';
import type { GatherReport } from '../model/group.js';
import { Quorum, type QuorumChoice } from '../routing/quorum.js';
import type { AgentReference } from './agent-reference.js';

export interface GatheringNeeds {
  readonly group: string;
  readonly members: readonly AgentReference[];
  readonly quorum: QuorumChoice | undefined;
  readonly signal: AbortSignal | undefined;
  /** Gives up when the signal is aborted. */
  ask(member: AgentReference, signal: AbortSignal): Promise<unknown>;
  /** When the asks give up. */
  readonly deadlineMs: number;
  nowMs(): number;
}

/** Rejects with NEXUS_QUORUM_FAILED or NEXUS_ASK_ABORTED. */
export function gather({ group, members, quorum: choice, signal, ask, deadlineMs, nowMs }: GatheringNeeds): Promise<GatherReport> {
  return new Promise((resolve, reject) => {
    const quorum = new Quorum(members.length, choice);
    const replies: { ref: AgentRef; value: unknown }[] = [];
    const failures: { ref: AgentRef; error: unknown }[] = [];
    const missing = new Set(members);
    const asks = new AbortController();
    let isOver = false;
    const end = (): void => {
      isOver = true;
      signal?.removeEventListener('abort', aborted);
      asks.abort();
    };
    const aborted = (): void => {
      end();
      reject(
        new NexusError('NEXUS_ASK_ABORTED', `the gathering of group ${quoted(group)} was aborted by its signal; members may still handle the message`, {
          cause: signal?.reason,
          data: { group },
        }),
      );
    };
    const endIfDone = (): void => {
      const { state, needed } = quorum;
      if (state === 'waiting') return;
      end();
      const report: GatherReport = { replies, failures, missing: [...missing] as unknown as AgentRef[] };
      if (state === 'reached') return resolve(report);
      reject(
        new NexusError(
          'NEXUS_QUORUM_FAILED',
          `of ${members.length} members of group ${quoted(group)} ${replies.length} replied, ${failures.length} failed and ${missing.size} did not answer in time; ${needed} replies were needed; data has those that came. Raise timeoutMs, or lower quorum`,
          { data: { ...report, group, needed, members: members.length } },
        ),
      );
    };
    if (signal?.aborted === true) return aborted();
    endIfDone();
    if (isOver) return;
    signal?.addEventListener('abort', aborted, { once: true });
    for (const member of members) {
      const ref = member as unknown as AgentRef;
      ask(member, asks.signal).then(
        (value) => {
          if (isOver) return;
          missing.delete(member);
          replies.push({ ref, value });
          quorum.replied++;
          endIfDone();
        },
        (error: unknown) => {
          if (isOver) return;
          // A timeout before the deadline is one of the member's own asks.
          if ((error as { code?: unknown } | undefined)?.code !== 'NEXUS_ASK_TIMEOUT' || nowMs() < deadlineMs) {
            missing.delete(member);
            failures.push({ ref, error });
          }
          quorum.lost++;
          endIfDone();
        },
      );
    }
  });
}
