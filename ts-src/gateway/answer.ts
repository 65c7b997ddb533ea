/** What a route returns: an HTTP response as a value. The one place that writes it to a socket is `exchange.ts`. */
import type { ServerResponse } from 'node:http';
import { toJson } from './json-output.js';

export interface Answer {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer without an end of its own: whoever gave it writes, and ends it. */
export interface StreamAnswer {
  readonly status: number;
  readonly contentType: string;
  /** The headers have been written. */
  begin(response: ServerResponse): void;
}

export function jsonAnswer(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, body: `${toJson(value)}\n`, contentType: 'application/json; charset=utf-8', headers };
}

export function textAnswer(status: number, body: string, contentType: string): Answer {
  return { status, body, contentType, headers: {} };
}
