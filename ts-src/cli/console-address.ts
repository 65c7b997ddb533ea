/** Which gateway a command looks into, and with what token: options and environment, in one place. What is asked of it is in `console-client.ts`. */
import { type CommandLine, type OptionKind, UsageError } from './command-line.js';

export interface ConsoleAddress {
  /** Without a slash at its end, such as `http://127.0.0.1:8080`. A path before `/console` is kept: that of a proxy. */
  readonly url: string;
  readonly token: string | undefined;
}

export const DEFAULT_URL = 'http://127.0.0.1:8080';

export const ADDRESS_OPTIONS: Readonly<Record<'url' | 'token', OptionKind>> = { url: 'text', token: 'text' };

export const ADDRESS_HELP = `  --url URL                 the gateway (default: NEXUS_URL, else ${DEFAULT_URL})
  --token TOKEN             sent as a bearer token (default: NEXUS_CONSOLE_TOKEN, which other users of this machine do not see)`;

/** @throws UsageError for a URL that is none of HTTP, or a token that is none */
export function consoleAddress(command: string, line: CommandLine, environment: NodeJS.ProcessEnv): ConsoleAddress {
  const given = line.text('url');
  const text = given ?? (environment['NEXUS_URL'] || DEFAULT_URL);
  const source = given === undefined && environment['NEXUS_URL'] ? 'NEXUS_URL' : '--url';
  return addressOf(command, source, text, line.text('token') ?? environment['NEXUS_CONSOLE_TOKEN']);
}

/**
 * @param source what the text is, for messages
 * @throws UsageError as `consoleAddress` does
 */
export function addressOf(command: string, source: string, text: string, token: string | undefined): ConsoleAddress {
  // As curl takes it: a host and a port alone are HTTP.
  const full = /^[\w.-]+:\d+(\/|$)/.test(text) ? `http://${text}` : text;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '')
    throw new UsageError(command, `${source} is ${JSON.stringify(text)}; it must be like ${DEFAULT_URL}`);
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    // Not repeated: there may be a password in it.
    throw new UsageError(command, `${source} must have no user, query or fragment, as in ${DEFAULT_URL}`);
  if (token !== undefined && token !== '' && !/^[\x21-\x7e]+$/.test(token))
    throw new UsageError(command, 'the token must be of visible ASCII characters, without spaces');
  return { url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, token: token || undefined };
}
