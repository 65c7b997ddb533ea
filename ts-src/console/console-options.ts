/** The option `console` of a gateway: its type, defaults and limits, and the one place that checks it. */
import { optionError } from '../errors.js';
import { checkNames, didYouMean } from '../model/nearest-name.js';
import { CONSOLE_ACTIONS, type ConsoleAction } from './protocol.js';

/** Options of the live page below `/console`; `docs/console.md`. */
export interface ConsoleOptions {
  /** Whoever knows it may pause, resume and stop agents: 16 to 1,024 printable ASCII characters without spaces. Default none: nobody may. */
  readonly token?: string | undefined;
  /** What the token allows. Default all three. */
  readonly actions?: readonly ConsoleAction[];
  /** WebSockets at a time, 0 to 10,000; one more is answered with 503. Default 32. */
  readonly clientsMax?: number;
}

export interface ResolvedConsoleOptions extends ConsoleOptions {
  readonly token: string | undefined;
  /** Empty without a token. */
  readonly actions: readonly ConsoleAction[];
  readonly clientsMax: number;
}

const NAMES: readonly (keyof ConsoleOptions)[] = ['token', 'actions', 'clientsMax'];

/**
 * @returns undefined if there is to be no console
 * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
 */
export function resolveConsoleOptions(options: boolean | ConsoleOptions = true): ResolvedConsoleOptions | undefined {
  if (options === false) return undefined;
  if (options !== true && (typeof options !== 'object' || options === null)) throw optionError('console', 'must be true, false or an object of options');
  const given: ConsoleOptions = options === true ? {} : options;
  checkNames('console', given, NAMES);
  const { token, clientsMax = 32, actions } = given;
  if (token !== undefined && !(typeof token === 'string' && /^[\x21-\x7e]{16,1024}$/.test(token)))
    throw optionError('console.token', 'must be 16 to 1,024 printable ASCII characters without spaces; `openssl rand -hex 32` makes a good one');
  if (!(Number.isInteger(clientsMax) && clientsMax >= 0 && clientsMax <= 10_000))
    throw optionError('console.clientsMax', `is ${String(clientsMax)}; it must be a whole number from 0 to 10,000`);
  return { token, actions: token === undefined ? withoutToken(actions) : checkedActions(actions ?? CONSOLE_ACTIONS), clientsMax };
}

function withoutToken(actions: readonly ConsoleAction[] | undefined): readonly ConsoleAction[] {
  if (actions !== undefined && checkedActions(actions).length > 0) throw optionError('console.actions', 'needs console.token: nobody may act without one');
  return [];
}

function checkedActions(actions: readonly ConsoleAction[]): readonly ConsoleAction[] {
  if (!Array.isArray(actions)) throw optionError('console.actions', `must be an array of ${CONSOLE_ACTIONS.join(', ')}`);
  for (const action of actions) {
    if (!CONSOLE_ACTIONS.includes(action))
      throw optionError('console.actions', `has '${String(action)}'${didYouMean(String(action), CONSOLE_ACTIONS)} Actions are ${CONSOLE_ACTIONS.join(', ')}`);
  }
  return CONSOLE_ACTIONS.filter((action) => actions.includes(action));
}
