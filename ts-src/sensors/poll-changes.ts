/** What an answer, or that there is none, means after those before: a decision over values. The requests are those of `http-sensor.ts`. */

export interface PollHistory {
  readonly status: number | undefined;
  /** Of the last body of a 2xx answer. */
  readonly digest: string | undefined;
  /** The server was not to be reached, or did not answer in time, the last time. */
  readonly isFailing: boolean;
}

export const NOTHING_POLLED: PollHistory = { status: undefined, digest: undefined, isFailing: false };

export type Polled =
  | { readonly type: 'failed' }
  /** 304: nothing new. */
  | { readonly type: 'unchanged' }
  | { readonly type: 'answered'; readonly status: number; readonly digest: string };

export type PollEvent = 'failed' | 'recovered' | 'status' | 'changed';

export function observePoll(history: PollHistory, polled: Polled): { readonly history: PollHistory; readonly events: readonly PollEvent[] } {
  // One signal for each outage, not for each poll of it.
  if (polled.type === 'failed') return { history: { ...history, isFailing: true }, events: history.isFailing ? [] : ['failed'] };
  const events: PollEvent[] = history.isFailing ? ['recovered'] : [];
  if (polled.type === 'unchanged') return { history: { ...history, isFailing: false }, events };
  const { status, digest } = polled;
  if (status !== history.status && history.status !== undefined) events.push('status');
  const isGood = status >= 200 && status < 300;
  if (!isGood) {
    // The first answer of all, if it is a bad one: nobody would hear of it otherwise.
    if (history.status === undefined) events.push('status');
    return { history: { status, digest: history.digest, isFailing: false }, events };
  }
  if (digest !== history.digest) events.push('changed');
  return { history: { status, digest, isFailing: false }, events };
}
