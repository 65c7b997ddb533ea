/** WebSocket wires of one process for tests, with the certificates in `fixtures/tls/`, and what they wrote to their logs. */
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { createWebsocketWire, type WebsocketWire } from '../../../dist/ts-src/adapters/websocket/websocket-wire.js';
import type { WebsocketWireLimits } from '../../../dist/ts-src/adapters/websocket/wire-limits.js';
import type { ClusterTlsOptions } from '../../../dist/ts-src/model/cluster-options.js';
import { until } from '../../until.js';

export const HOST = '127.0.0.1';

export interface WebsocketNetwork {
  open(certificate?: string, options?: OpenOptions): { readonly wire: WebsocketWire; readonly host: string };
  readonly until: (condition: () => boolean) => Promise<void>;
  readonly logged: string[];
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly limits?: Partial<WebsocketWireLimits>;
  readonly tls?: Partial<ClusterTlsOptions>;
}

/** @param certificates of the wires, one after the other; none for no TLS */
export function websocketNetwork(certificates: readonly string[] = []): WebsocketNetwork {
  const wires: WebsocketWire[] = [];
  const logged: string[] = [];
  const write = (_data: object, message: string): void => {
    logged.push(message);
  };
  const logger = { debug: write, info: write, warn: write, error: write };
  return {
    open(certificate = certificates[wires.length % certificates.length], { limits, tls } = {}) {
      const wire = createWebsocketWire({
        logger,
        clock: systemClock,
        ...(limits === undefined ? {} : { limits }),
        ...(certificate === undefined ? {} : { tls: { ...tlsFiles(certificate), ...tls } }),
      });
      wires.push(wire);
      return { wire, host: HOST };
    },
    until,
    logged,
    async close() {
      await Promise.all(wires.map((wire) => wire.close()));
    },
  };
}

export function tlsFiles(certificate: string): ClusterTlsOptions {
  return { certificateFile: tlsFile(certificate), keyFile: tlsFile(`${certificate}-test-key`), authorityFile: tlsFile('authority') };
}

export function tlsFile(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url));
}
