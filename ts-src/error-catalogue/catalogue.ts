/**
 * The catalogue of errors as people read it: `docs/errors.md` is made of it by `scripts/errors-page.mjs`, and `nexus explain CODE` prints an entry. Nothing else
 * loads it: `errors.ts`, which every thread loads, has only the codes and a sentence for each. A new code needs its line there and its entry in one of the files here.
 */
import { ERROR_CODES, type ErrorCode } from '../errors.js';
import { statusesOf } from '../gateway/error-answer.js';
import { GATEWAY_ERROR_CODES } from '../gateway/gateway-error.js';
import { AGENTS } from './agents.js';
import { CALLS } from './calls.js';
import { CLUSTER } from './cluster.js';
import type { EntryText, ErrorEntry, GatewayErrorEntry } from './entry.js';
import { GATEWAY } from './gateway.js';
import { OBSERVING } from './observing.js';
import { STORAGE } from './storage.js';
import { THREADS } from './threads.js';

export interface CatalogueEntry extends EntryText {
  readonly code: string;
  readonly meaning: string;
  /** `NexusError`, `NexusTypeError`, `GatewayError`. */
  readonly errorClass: string;
  /** What the gateway answers with. */
  readonly status: string;
}

export interface CatalogueSection {
  readonly title: string;
  /** Its file in this folder. */
  readonly file: string;
  readonly entries: readonly CatalogueEntry[];
}

/** Every code there is, of the runtime and of the gateway, with what it means. */
export const MEANINGS: Readonly<Record<string, string>> = { ...ERROR_CODES, ...GATEWAY_ERROR_CODES };

export const CATALOGUE: readonly CatalogueSection[] = [
  section('Mistakes in calls and definitions', 'calls.ts', CALLS),
  section('Agents and messages', 'agents.ts', AGENTS),
  section('Threads, engines, policies and the testing kit', 'threads.ts', THREADS),
  section('Storage', 'storage.ts', STORAGE),
  section('Nodes of a cluster', 'cluster.ts', CLUSTER),
  section('Watching a nexus', 'observing.ts', OBSERVING),
  gatewaySection('The gateway', 'gateway.ts', GATEWAY),
];

export function entryOf(code: string): CatalogueEntry | undefined {
  for (const { entries } of CATALOGUE) for (const entry of entries) if (entry.code === code) return entry;
  return undefined;
}

function section(title: string, file: string, texts: Readonly<Record<string, ErrorEntry>>): CatalogueSection {
  const entries = Object.entries(texts).map(([code, text]) => ({ ...text, code, meaning: MEANINGS[code] ?? '', status: statusesOf(code as ErrorCode) }));
  return { title, file, entries };
}

function gatewaySection(title: string, file: string, texts: Readonly<Record<string, GatewayErrorEntry>>): CatalogueSection {
  const entries = Object.entries(texts).map(([code, text]) => ({
    ...text,
    code,
    meaning: MEANINGS[code] ?? '',
    errorClass: 'GatewayError',
    status: text.status === '0' ? 'none: no request has it' : text.status,
  }));
  return { title, file, entries };
}
