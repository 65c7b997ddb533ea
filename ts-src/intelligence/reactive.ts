/**
 * The reactive level, the lowest: queries read the state, updates are pure functions from one state to the next. Both are synchronous, know nothing but the state, the
 * input and the facts of the message, and have no effects: fully predictable, nothing is learnt. What an agent does beside that are its plain actions.
 */
import { NexusTypeError } from '../errors.js';
import { checkInput } from '../model/action-checks.js';
import type { QueryHandler, UpdateHandler } from '../model/action.js';
import { type ActionForm, invalidDecision } from '../model/prepared-action.js';
import type { Level } from './level.js';

export const reactive: Level = {
  name: 'reactive',
  fallsBackTo: undefined,
  fields: ['queries', 'updates'],
  actionsOf(specification) {
    const { kind, queries, updates } = specification;
    const actions = new Map<string, ActionForm>();
    for (const { name, handler, input } of declarations(kind, 'queries', queries)) actions.set(name, { query: handler as QueryHandler<unknown>, input });
    for (const { name, handler, input } of declarations(kind, 'updates', updates)) {
      if (actions.has(name)) throw invalid(`'${kind}' has a query and an update '${name}'`);
      actions.set(name, { decide: deciding(kind, name, handler as UpdateHandler<unknown>), input });
    }
    return actions;
  },
};

/** An update is a decision without effects. */
function deciding(kind: string, action: string, update: UpdateHandler<unknown>): (...rest: Parameters<UpdateHandler<unknown>>) => { readonly state: unknown } {
  return (state, input, facts) => {
    const next: unknown = update(state, input, facts);
    if (next === undefined) throw invalidDecision({ kind, action }, 'returned undefined; an update returns the next state');
    return { state: next };
  };
}

interface Declaration {
  readonly name: string;
  readonly handler: unknown;
  readonly input: unknown;
}

function declarations(kind: string, field: 'queries' | 'updates', declared: unknown): readonly Declaration[] {
  if (declared === undefined) return [];
  if (typeof declared !== 'object' || declared === null) throw invalid(`${field} of '${kind}' must be an object of functions`);
  const form = field === 'queries' ? '(state, input, facts) => reply' : '(state, input, facts) => the next state';
  return Object.entries(declared).map(([name, one]: [string, unknown]) => {
    if (typeof one === 'function') return { name, handler: one, input: undefined };
    const at = `'${name}' in ${field} of '${kind}'`;
    const { handler, input } = (typeof one === 'object' && one !== null ? one : {}) as { handler?: unknown; input?: unknown };
    if (typeof handler !== 'function') throw invalid(`${at} must be a function ${form}, or { input, handler }`);
    for (const name of Object.keys(one as object))
      if (name !== 'handler' && name !== 'input') throw invalid(`${at} has an unknown field '${name}'; fields are input, handler`);
    if (input !== undefined) checkInput(input, `defineAgent: input of ${at}`);
    return { name, handler, input };
  });
}

function invalid(message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', `defineAgent: ${message}`);
}
