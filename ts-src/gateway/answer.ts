/** What a route returns: an HTTP response as a value. The one place that writes it to a socket is `exchange.ts`. */
import { toJson } from './json-output.js';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function jsonAnswer(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, body: `${toJson(value)}\n`, contentType: 'application/json; charset=utf-8', headers };
}

export function textAnswer(status: number, body: string, contentType: string): Answer {
  return { status, body, contentType, headers: {} };
}
