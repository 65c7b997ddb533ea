/** An address as people write it. The page cannot load that of `model/node-identity.ts`: nothing from outside of its folder runs in a browser. */
import type { NodeAddress } from '../../model/node-identity.js';
import { visible } from './visible-text.js';

export function addressText({ host, port }: NodeAddress): string {
  const shown = visible(host);
  return shown.includes(':') ? `[${shown}]:${port}` : `${shown}:${port}`;
}
