/** The checks of the actions of a kind or of a skill, when it is declared. Pure; throws what is wrong. */
import { NexusTypeError } from '../errors.js';
import { unknownField } from './nearest-name.js';
import { checkShape } from './shape.js';
import { isStandardSchema } from './standard-schema.js';

export const ACTIONS_MAX = 65_535;

/**
 * @param caller which begins the messages
 * @throws NexusTypeError NEXUS_DEFINITION_INVALID
 */
export function checkActions(caller: string, owner: string, actions: unknown): void {
  const invalid = (message: string): NexusTypeError => new NexusTypeError('NEXUS_DEFINITION_INVALID', `${caller}: ${message}`);
  if (typeof actions !== 'object' || actions === null) throw invalid(`'${owner}' needs actions: an object of functions`);
  const names = Object.keys(actions);
  if (names.length > ACTIONS_MAX) throw invalid(`'${owner}' has more than 65,535 actions`);
  for (const name of names) {
    const action = (actions as Record<string, unknown>)[name];
    if (typeof action === 'function') continue;
    const { handler, decide } = typeof action === 'object' && action !== null ? (action as { handler?: unknown; decide?: unknown }) : {};
    if (handler !== undefined && decide !== undefined) throw invalid(`action '${name}' of '${owner}' has a handler and a decide; it must have one of them`);
    if (typeof (decide ?? handler) !== 'function')
      throw invalid(
        `action '${name}' of '${owner}' must be a function (state, input, ctx) => reply, or { handler, concurrent, input, reply, durable }, or { decide, input, reply, durable }`,
      );
    checkAction(
      caller,
      owner,
      name,
      action as Record<string, unknown>,
      decide === undefined ? ['handler', 'concurrent', 'input', 'reply', 'durable'] : ['decide', 'input', 'reply', 'durable'],
    );
  }
}

function checkAction(caller: string, owner: string, name: string, action: Record<string, unknown>, fields: readonly string[]): void {
  for (const field of Object.keys(action)) if (!fields.includes(field)) throw unknownField(caller, `action '${name}' of '${owner}'`, field, fields);
  const { concurrent, input, reply } = action;
  if (concurrent !== undefined && typeof concurrent !== 'boolean')
    throw new NexusTypeError('NEXUS_DEFINITION_INVALID', `${caller}: concurrent of action '${name}' of '${owner}' must be true or false`);
  if (input !== undefined) checkInput(input, `${caller}: input of action '${name}' of '${owner}'`);
  if (reply !== undefined) checkShape(reply, `${caller}: reply of action '${name}' of '${owner}'`);
}

/** A shape or a validator. @throws NexusTypeError NEXUS_DEFINITION_INVALID, which begins with `subject` */
export function checkInput(input: unknown, subject: string): void {
  if (!isStandardSchema(input)) checkShape(input, subject);
}
