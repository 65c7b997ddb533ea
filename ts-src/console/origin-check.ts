/**
 * Whether a page may open a WebSocket here: browsers let any page try, and only the Origin header tells them apart. A page may if it came from the very host and port
 * that the Host header names, or from a name in `hostsAllowed`, for a proxy in front that changes the Host header. Clients that are no browsers send no Origin.
 */
import { GatewayError } from '../gateway/gateway-error.js';

/** @throws GatewayError GATEWAY_ORIGIN_REFUSED */
export function checkOrigin(host: string | undefined, origin: string | undefined, hostsAllowed: readonly string[]): void {
  if (origin === undefined) return;
  const from = URL.canParse(origin) ? new URL(origin) : undefined;
  // With the scheme of the page, so that its default port is left out on both sides.
  const own = from === undefined || host === undefined ? undefined : `${from.protocol}//${host}`;
  const isOwn = own !== undefined && URL.canParse(own) && new URL(own).host === from?.host && from.host !== '';
  const name = from?.hostname.replace(/\.$/, '').toLowerCase();
  if (isOwn || hostsAllowed.some((allowed) => allowed.replace(/\.$/, '').toLowerCase() === name)) return;
  throw new GatewayError(
    'GATEWAY_ORIGIN_REFUSED',
    403,
    `a page of '${origin}' may not open a WebSocket to '${host ?? ''}'; behind a proxy that changes the Host header, name the proxy in the option hostsAllowed`,
  );
}
