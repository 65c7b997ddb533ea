/**
 * Against pages of other sites that reach a gateway on the reader's own machine: by a name that they point at 127.0.0.1 (DNS rebinding), which the Host header
 * shows, or by a plain cross-site request, which the Origin header shows. Active when the gateway is bound to loopback or `hostsAllowed` is given; ports do not
 * count, so that a forwarded port works. Not a login: whoever can open a connection and write headers gets in.
 */
import { quoted } from '../errors.js';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { GatewayError } from './gateway-error.js';

export type HostGuard = (host: string | undefined, origin: string | undefined) => void;

/** @returns a check that throws GatewayError GATEWAY_HOST_REFUSED or GATEWAY_ORIGIN_REFUSED */
export function hostGuard(bound: string, boundAddress: string, hostsAllowed: readonly string[]): HostGuard {
  if (!isLoopback(boundAddress) && hostsAllowed.length === 0) return () => undefined;
  const allowed = new Set(['localhost', '127.0.0.1', '::1', bound, boundAddress, ...hostsAllowed].map((name) => bare(name)));
  return (host, origin) => {
    const name = host === undefined ? undefined : hostName(host);
    if (name === undefined || !allowed.has(name)) {
      throw new GatewayError(
        'GATEWAY_HOST_REFUSED',
        403,
        `the Host header ${host === undefined ? 'is missing' : `names ${quoted(host)}`}; served are ${[...allowed].join(', ')}. Add the name to the option hostsAllowed if this gateway is reached by it`,
      );
    }
    if (origin === undefined) return;
    const from = URL.canParse(origin) ? bare(new URL(origin).hostname) : undefined;
    if (from === undefined || !allowed.has(from))
      throw new GatewayError(
        'GATEWAY_ORIGIN_REFUSED',
        403,
        `a page of ${quoted(origin)} may not use this gateway; add its host to the option hostsAllowed if it may`,
      );
  };
}

/**
 * Node keeps the first Host header; a proxy in front may have looked at another.
 * @throws GatewayError GATEWAY_REQUEST_INVALID
 */
export function checkOneHost({ rawHeaders }: IncomingMessage): void {
  let times = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if ((rawHeaders[index] as string).toLowerCase() === 'host') times++;
  if (times > 1) throw new GatewayError('GATEWAY_REQUEST_INVALID', 400, 'the request has more than one Host header');
}

function isLoopback(address: string): boolean {
  return address === '::1' || address === 'localhost' || (isIP(address) === 4 && address.startsWith('127.')) || address.startsWith('::ffff:127.');
}

/** The name in `name:port`, `1.2.3.4:port` or `[::1]:port`. */
function hostName(host: string): string | undefined {
  const match = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(host);
  return match === null ? undefined : bare(match[1] as string);
}

function bare(name: string): string {
  return name
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}
