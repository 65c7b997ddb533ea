/** A definition whose handlers and hooks first say that they run, and otherwise are those of the definition. */
import type { AgentContext } from '../model/agent-context.js';
import type { AnyAgent } from '../model/agent-definition.js';
import type { Actions } from '../model/action.js';

type Noted = (ctx: AgentContext, what: string) => void;

export function observedDefinition(definition: AnyAgent, noted: Noted): AnyAgent {
  const actions = Object.fromEntries(
    Object.entries(definition.actions as Actions<unknown>).map(([name, action]) => {
      const handler = typeof action === 'function' ? action : action.handler;
      const observed = (state: never, input: unknown, ctx: AgentContext): unknown => {
        noted(ctx, name);
        return (handler as (state: unknown, input: unknown, ctx: AgentContext) => unknown)(state, input, ctx);
      };
      return [name, typeof action === 'function' ? observed : { ...action, handler: observed }];
    }),
  );
  const { onStart, onStop, onTerminated } = definition;
  return {
    ...definition,
    actions,
    onStart: (state, ctx) => {
      noted(ctx, 'start');
      return onStart?.(state, ctx);
    },
    onStop: (state, reason, ctx) => {
      noted(ctx, 'stop');
      return onStop?.(state, reason, ctx);
    },
    ...(onTerminated === undefined
      ? {}
      : {
          onTerminated: (state, ended, ctx) => {
            noted(ctx, 'terminated');
            return onTerminated(state, ended, ctx);
          },
        }),
  };
}
