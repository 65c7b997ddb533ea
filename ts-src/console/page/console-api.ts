/** What the page asks by HTTP. Failures are `RequestFailure`s with the code and the message of the gateway. */
import type { AgentInspection } from '../../model/observation.js';
import type { ProcessNode } from '../../model/supervision-tree.js';
import type { ConsoleAction, Subtree } from '../protocol.js';
import { agentPath } from './agent-path.js';

const TIMEOUT_MS = 15_000;

export interface ListedAgent {
  readonly id: string;
  readonly kind: string;
  readonly thread: number;
}

export interface AgentPage {
  readonly agents: readonly ListedAgent[];
  readonly next?: string;
}

export class RequestFailure extends Error {
  /** 0 if there was no answer. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function inspectAgent(id: string, signal?: AbortSignal): Promise<AgentInspection> {
  return request(agentPath('console/agents/', id), {}, signal) as Promise<AgentInspection>;
}

export function listAgents(query: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<AgentPage> {
  return request(`console/agents?${new URLSearchParams(query)}`, {}, signal) as Promise<AgentPage>;
}

export function listKinds(): Promise<{ readonly kinds: readonly { readonly kind: string }[] }> {
  return request('kinds', {}) as Promise<{ readonly kinds: readonly { readonly kind: string }[] }>;
}

export function wholeTree(agentsMax: number): Promise<ProcessNode> {
  return request(`console/tree?depthMax=1&agentsMax=${agentsMax}`, {}) as Promise<ProcessNode>;
}

export function subtree(id: string, agentsMax: number): Promise<Subtree> {
  return request(`console/tree?${new URLSearchParams({ root: id, depthMax: '2', agentsMax: String(agentsMax) })}`, {}) as Promise<Subtree>;
}

export async function performAction(action: ConsoleAction, id: string, token: string): Promise<void> {
  await request(agentPath('console/agents/', id, `/${action}`), { method: 'POST', headers: { authorization: `Bearer ${token}` } });
}

async function request(path: string, init: RequestInit, signal?: AbortSignal): Promise<unknown> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const url = new URL(path, document.baseURI);
  try {
    const response = await fetch(url, { ...init, cache: 'no-store', signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) });
    const body = (await response.json()) as { error?: { code?: string; message?: string } };
    if (response.ok) return body;
    throw new RequestFailure(response.status, body.error?.code ?? '', body.error?.message ?? `the answer was ${response.status}`);
  } catch (error) {
    if (error instanceof RequestFailure || signal?.aborted === true) throw error;
    throw new RequestFailure(0, '', timeout.aborted ? 'no answer in time' : 'the nexus cannot be reached');
  }
}
