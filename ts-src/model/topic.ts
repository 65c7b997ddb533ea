/**
 * Names of signals: topics, the patterns that match them, and topics with a type. A topic is tokens with dots between them (`orders.eu.created`); in a pattern
 * `*` stands for exactly one token, and `>` as the last token for one or more, as in NATS. Text only: what is subscribed to what is in `topic-trie.ts`.
 */
import { NexusTypeError, optionError, valueText } from '../errors.js';
import { checkNames, didYouMean, listed, misspelt } from './nearest-name.js';
import { checkShape, type Infer, type Shape } from './shape.js';
import { type EmitOptions, SIGNAL_SCOPES, type SignalScope } from './signal.js';

/** Of a topic or a pattern. */
export const TOPIC_CHARACTERS_MAX = 256;
export const TOPIC_TOKENS_MAX = 32;

/** A topic with the type of its data, as `defineTopic` makes it. */
export interface Topic<T = unknown> {
  readonly name: string;
  /** What the data are checked against where the signal is emitted. */
  readonly shape: Shape | undefined;
  /** How far its signals go, where their publisher does not say. Absent: `cluster`. */
  readonly scope?: SignalScope;
  /** Never present: carries the type. */
  readonly __data?: T;
}

/** The data of a topic's signals. */
export type DataOf<T extends Topic> = T extends Topic<infer D> ? D : never;

/** The data may be left out where they may be undefined. */
export type DataArguments<T> = undefined extends T ? [data?: T] : [data: T];
/** As `DataArguments`, with the options of `ctx.emit` behind them. */
export type EmitArguments<T> = undefined extends T ? [data?: T, options?: EmitOptions] : [data: T, options?: EmitOptions];

/**
 * Declares a topic: `defineTopic<Order>('orders.created')` types its data, `defineTopic('orders.created', shape.object({ … }))` types them and has them checked
 * where they are emitted.
 * @param options.scope `node`: its signals stay on the node of a cluster that they are published on
 * @throws NexusTypeError NEXUS_OPTION_INVALID for the name, NEXUS_DEFINITION_INVALID for the shape
 */
export function defineTopic<S extends Shape>(name: string, shape: S, options?: EmitOptions): Topic<Infer<S>>;
export function defineTopic<T = unknown>(name: string, shape?: undefined, options?: EmitOptions): Topic<T>;
export function defineTopic(name: string, shape?: Shape, options?: EmitOptions): Topic {
  checkTopic(name);
  if (shape !== undefined) checkShape(shape, `defineTopic: '${name}'`);
  if (options === undefined) return Object.freeze({ name, shape });
  checkNames('defineTopic', options, ['scope']);
  checkScope(options.scope);
  return Object.freeze({ name, shape, ...(options.scope === undefined ? {} : { scope: options.scope }) });
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkScope(scope: unknown): void {
  if (scope === undefined || SIGNAL_SCOPES.includes(scope as SignalScope)) return;
  throw optionError(
    'scope',
    `is ${valueText(scope)}${didYouMean(scope, SIGNAL_SCOPES)} It must be one of ${listed(SIGNAL_SCOPES)}`,
    misspelt(scope, SIGNAL_SCOPES),
  );
}

export function nameOfTopic(topic: string | Topic): string {
  return typeof topic === 'object' && topic !== null ? topic.name : topic;
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, which says what is wrong with it */
export function checkTopic(topic: unknown): asserts topic is string {
  const fault = topicFault(topic);
  if (fault !== undefined) throw optionError('topic', fault);
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, which says what is wrong with it */
export function checkPattern(pattern: unknown): asserts pattern is string {
  const fault = patternFault(pattern);
  if (fault !== undefined) throw optionError('pattern', fault);
}

/** What is wrong with a topic, as the end of a sentence; undefined if nothing is. */
export function topicFault(topic: unknown): string | undefined {
  return faultOf('topic', topic, (token) =>
    token.includes('*') || token.includes('>') ? `has the wildcard '${token}': a signal is published to one topic; wildcards are for patterns` : undefined,
  );
}

/** What is wrong with a pattern, as the end of a sentence; undefined if nothing is. */
export function patternFault(pattern: unknown): string | undefined {
  return faultOf('pattern', pattern, (token, isLast) => {
    if (token === '*') return undefined;
    if (token === '>') return isLast ? undefined : "has '>' before its end: it stands for all further tokens, so nothing can follow it";
    if (token.includes('*') || token.includes('>')) return `has '${token}': a wildcard is a token of its own ('*' for one, '>' for one or more at the end)`;
    return undefined;
  });
}

/** True if the pattern matches the topic. Both well-formed. */
export function patternMatches(pattern: string, topic: string): boolean {
  const wanted = pattern.split('.');
  const tokens = topic.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return tokens.length > index;
    if (index >= tokens.length || (token !== '*' && token !== tokens[index])) return false;
  }
  return wanted.length === tokens.length;
}

function faultOf(what: string, text: unknown, tokenFault: (token: string, isLast: boolean) => string | undefined): string | undefined {
  if (typeof text !== 'string')
    return `must be a string of tokens with dots between them, such as 'orders.created', not ${text === null ? 'null' : typeof text}`;
  const shown = text.length > 100 ? `'${text.slice(0, 100)}...'` : `'${text}'`;
  if (text.length === 0) return `must be a non-empty string, such as 'orders.created'`;
  if (text.length > TOPIC_CHARACTERS_MAX) return `${shown} has ${text.length} characters; a ${what} has at most ${TOPIC_CHARACTERS_MAX}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a topic may not hold
  if (/[\u0000-\u001f\u007f]/.test(text)) return `${JSON.stringify(text.slice(0, 100))} holds a control character`;
  if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text))
    return `${JSON.stringify(text.slice(0, 100))} holds half of a surrogate pair`;
  const tokens = text.split('.');
  if (tokens.length > TOPIC_TOKENS_MAX) return `${shown} has ${tokens.length} tokens; a ${what} has at most ${TOPIC_TOKENS_MAX}`;
  for (const [index, token] of tokens.entries()) {
    if (token === '') return `${shown} has an empty token: a dot at its start or end, or two in a row`;
    const fault = tokenFault(token, index === tokens.length - 1);
    if (fault !== undefined) return `${shown} ${fault}`;
  }
  return undefined;
}

/** Of one definition: pattern to action. */
export type Subscriptions = Readonly<Record<string, string>>;

/** Patterns of one definition, and further ones of one agent. */
export const SUBSCRIPTIONS_MAX = 1024;

/** @throws NexusTypeError NEXUS_DEFINITION_INVALID */
export function checkSubscriptions(kind: string, subscriptions: unknown, actions: Readonly<Record<string, unknown>>): void {
  if (subscriptions === undefined) return;
  if (typeof subscriptions !== 'object' || subscriptions === null || Array.isArray(subscriptions))
    throw invalid(`subscriptions of '${kind}' must be an object: { 'orders.*': 'onOrder' }`);
  const entries = Object.entries(subscriptions);
  if (entries.length > SUBSCRIPTIONS_MAX) throw invalid(`'${kind}' has ${entries.length} subscriptions; the most is ${SUBSCRIPTIONS_MAX}`);
  for (const [pattern, action] of entries) {
    const fault = patternFault(pattern);
    if (fault !== undefined) throw invalid(`a subscription of '${kind}': pattern ${fault}`);
    checkSubscribed(kind, pattern, action, Object.hasOwn(actions, String(action)) ? actions[action as string] : undefined, Object.keys(actions));
  }
}

function checkSubscribed(kind: string, pattern: string, name: unknown, action: unknown, names: readonly string[]): void {
  if (action === undefined)
    throw invalid(
      `the subscription '${pattern}' of '${kind}' names the action ${valueText(name)}, which it does not have${didYouMean(name, names)} Its actions are ${listed(names)}`,
    );
  if (typeof action === 'object' && action !== null && (action as { input?: unknown }).input !== undefined)
    throw invalid(
      `the subscription '${pattern}' of '${kind}' names the action ${valueText(name)}, which declares an input of its own: it would be given a signal`,
    );
}

function invalid(message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', `defineAgent: ${message}`);
}
