/** Mutual TLS of the wire, with real certificates: who gets in, who does not and is told why, and what happens when files change while nodes are connected. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import type { NexusError } from '../../../dist/ts-src/errors.js';
import type { ClusterTlsOptions } from '../../../dist/ts-src/model/cluster-options.js';
import type { NodeAddress } from '../../../dist/ts-src/model/node-identity.js';
import type { CloseReason, Wire, WireConnection } from '../../../dist/ts-src/ports/wire.js';
import type { WebsocketWire } from '../../../dist/ts-src/adapters/websocket/websocket-wire.js';
import { until } from '../../until.js';
import { HOST, tlsFile, tlsFiles, websocketNetwork, type WebsocketNetwork } from './websocket-network.js';

let network: WebsocketNetwork | undefined;
let folder: string | undefined;

afterEach(async () => {
  await network?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  network = undefined;
  folder = undefined;
});

interface Served {
  readonly wire: WebsocketWire;
  readonly address: NodeAddress;
  readonly accepted: Connected[];
}

interface Connected {
  readonly connection: WireConnection;
  readonly reasons: CloseReason[];
  received: number;
}

function watched(connection: WireConnection): Connected {
  const watch: Connected = { connection, reasons: [], received: 0 };
  connection.listen({
    received: () => {
      watch.received++;
    },
    drained: () => undefined,
    closed: (reason) => watch.reasons.push(reason),
  });
  return watch;
}

async function serve(certificate = 'node-a', tls: Partial<ClusterTlsOptions> = {}): Promise<Served> {
  network ??= websocketNetwork();
  const { wire } = network.open(certificate, { tls });
  const accepted: Connected[] = [];
  const listener = await wire.listen({ host: HOST, port: 0 }, (connection) => accepted.push(watched(connection)));
  return { wire, address: listener.address, accepted };
}

function dial(wire: Wire, address: NodeAddress): Promise<Connected> {
  return new Promise((resolve, reject) => {
    wire.dial(address, 5_000, {
      opened: (connection) => resolve(watched(connection)),
      failed: (error, isRefused) => reject(Object.assign(error, { isRefused })),
    });
  });
}

function refusal(wire: Wire, address: NodeAddress): Promise<NexusError> {
  return dial(wire, address).then(
    () => expect.unreachable('a connection was made'),
    (error: NexusError) => error,
  );
}

function client(certificate: string | undefined, tls: Partial<ClusterTlsOptions> = {}): WebsocketWire {
  network ??= websocketNetwork();
  return network.open(certificate, { tls }).wire;
}

test('two nodes with certificates of one authority connect, and each learns the names of the other', async () => {
  const { wire: server, address, accepted } = await serve('node-a');
  const { connection } = await dial(client('node-b'), address);
  await until(() => accepted.length === 1);
  expect(connection.certifiedNames).toEqual(['node-a', 'nexus.test']);
  expect(accepted[0]?.connection.certifiedNames).toEqual(['node-b', 'nexus.test']);
  expect([...server.refusals]).toEqual([]);
});

// Who shows the wrong certificate: the node that dials, or the one that listens.
for (const [wrong, certificate, tls, code] of [
  ['expired', 'expired', {}, 'NEXUS_TLS_EXPIRED'],
  ['of another authority', 'stranger', {}, 'NEXUS_TLS_UNTRUSTED'],
  ['of another name', 'nameless', { serverName: 'nexus.test' }, 'NEXUS_TLS_NAME'],
  ['revoked', 'node-b-stolen', { revocationListFile: tlsFile('revocations') }, 'NEXUS_TLS_REVOKED'],
] as const) {
  test(`a certificate that is ${wrong} is refused by the node that is called, which counts it and says why`, async () => {
    const { wire: server, address, accepted } = await serve('node-a', tls);
    const error = await refusal(client(certificate), address);
    expect(error).toMatchObject({ code, isRefused: true });
    expect(error.message).toMatch(new RegExp(`^${HOST}:${address.port} refuses the certificate of this node: it .*: (give|sign) `));
    expect(network?.logged.filter((line) => /^a connection was refused: the certificate of .*: (give|sign) /.test(line)).length).toBe(1);
    expect([...server.refusals]).toEqual([[code, 1]]);
    expect(accepted).toEqual([]);
    // Others are served.
    await dial(client('node-b', tls), address);
  });

  test(`a certificate that is ${wrong} is refused by the node that calls`, async () => {
    const { address, accepted } = await serve(certificate);
    const calling = client('node-a', tls);
    const error = await refusal(calling, address);
    expect(error).toMatchObject({ code, isRefused: true });
    expect(error.message).toMatch(new RegExp(`^the certificate of ${HOST}:${address.port} .*: (give|sign) `));
    expect([...calling.refusals]).toEqual([[code, 1]]);
    expect(accepted).toEqual([]);
  });
}

/** What a node says to somebody who asks by hand to become a WebSocket. */
async function askedToUpgrade(socket: TLSSocket): Promise<string> {
  const key = Buffer.alloc(16).toString('base64');
  socket.write(
    `GET /nexus HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: nexus\r\nsec-websocket-key: ${key}\r\n\r\n`,
  );
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return answer;
}

test('a node without a certificate, and one without TLS, are refused and told why', async () => {
  const { wire: server, address } = await serve('node-a');
  const plain = client(undefined);
  for (let attempt = 0; attempt < 2; attempt++) {
    const error = await refusal(plain, address);
    expect(error).toMatchObject({ code: 'NEXUS_TLS_FAILED', isRefused: true });
    expect(error.message).toBe(`${HOST}:${address.port} uses TLS, and this node does not: give all nodes of the cluster the option tls, or none`);
  }
  // Once, although it happens again and again.
  const logged = network?.logged.filter((line) =>
    /^a connection was refused: 127\.0\.0\.1:\d+ does not use TLS, and this node does: give all nodes/.test(line),
  );
  expect(logged?.length).toBe(1);
  // Somebody with the authority's certificate, and none of their own.
  const socket = connectTls({ host: HOST, port: address.port, rejectUnauthorized: false });
  await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()));
  const answer = await askedToUpgrade(socket);
  expect(answer).toMatch(/^HTTP\/1.1 403 Forbidden\r\n[\s\S]*x-nexus-refusal: NEXUS_TLS_UNTRUSTED/);
  expect([...server.refusals].sort()).toEqual([
    ['NEXUS_TLS_FAILED', 2],
    ['NEXUS_TLS_UNTRUSTED', 1],
  ]);
});

test('a node with TLS is told that the other one speaks without', async () => {
  network = websocketNetwork();
  const { wire: server } = network.open();
  const listener = await server.listen({ host: HOST, port: 0 }, () => undefined);
  const error = await refusal(client('node-a'), listener.address);
  expect(error).toMatchObject({ code: 'NEXUS_TLS_FAILED', isRefused: true });
  expect(error.message).toMatch(/^127\.0\.0\.1:\d+ does not use TLS, and this node does: give all nodes of the cluster the option tls, or none$/);
  expect([...server.refusals]).toEqual([['NEXUS_TLS_FAILED', 1]]);
  expect(network.logged).toContainEqual(expect.stringMatching(/^a connection was refused: 127\.0\.0\.1:\d+ uses TLS, and this node does not: give all nodes/));
});

test('TLS older than 1.2 is refused', async () => {
  const { wire: server, address } = await serve('node-a');
  const socket = connectTls({
    host: HOST,
    port: address.port,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
  expect(error.message).toMatch(/protocol version|unsupported protocol/i);
  expect(server.refusals.get('NEXUS_TLS_FAILED')).toBe(1);
});

/** Files that a test may change. */
function ownFiles(certificate: string): ClusterTlsOptions & { readonly revocationListFile: string } {
  folder = mkdtempSync(join(tmpdir(), 'nexus-tls-'));
  const at = (name: string): string => join(folder as string, name);
  const files = {
    certificateFile: at('certificate.pem'),
    keyFile: at('key.pem'),
    authorityFile: at('authority.pem'),
    revocationListFile: at('revocations.pem'),
  };
  use(files, certificate);
  copyFileSync(tlsFiles(certificate).authorityFile, files.authorityFile);
  copyFileSync(tlsFile('revocations-none'), files.revocationListFile);
  return files;
}

function use(files: ClusterTlsOptions, certificate: string): void {
  copyFileSync(tlsFiles(certificate).certificateFile, files.certificateFile);
  copyFileSync(tlsFiles(certificate).keyFile, files.keyFile);
}

function serialNumber(address: NodeAddress): Promise<string> {
  const socket = connectTls({ host: HOST, port: address.port, rejectUnauthorized: false });
  return new Promise((resolve) =>
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    }),
  );
}

test('certificates are renewed while nodes are connected: old connections stay, new ones use the new certificate', async () => {
  const files = ownFiles('node-a');
  const { wire: server, address, accepted } = await serve('node-a', files);
  const calling = client('node-b');
  const old = await dial(calling, address);
  const serial = await serialNumber(address);
  expect(server.reloadCertificates()).toBe(false);
  use(files, 'node-a-renewed');
  expect(server.reloadCertificates()).toBe(true);
  expect(await serialNumber(address)).not.toBe(serial);
  await dial(calling, address);
  old.connection.send(Uint8Array.of(1), 'ordered');
  await until(() => accepted[0]?.received === 1);
  expect(old.reasons).toEqual([]);
  // What this node dials uses them too: a node that trusts the other authority only sees that.
  const there = await serve('node-b', { revocationListFile: tlsFile('revocations') });
  use(files, 'node-b-stolen');
  expect(server.reloadCertificates()).toBe(true);
  expect((await refusal(server, there.address)).code).toBe('NEXUS_TLS_REVOKED');
});

test('files that do not fit each other are refused and logged once, and the node goes on with those it had', async () => {
  const files = ownFiles('node-a');
  const { wire: server, address } = await serve('node-a', files);
  copyFileSync(tlsFiles('node-a-renewed').certificateFile, files.certificateFile);
  expect(server.reloadCertificates()).toBe(false);
  writeFileSync(files.authorityFile, 'no authority');
  expect(server.reloadCertificates()).toBe(false);
  rmSync(files.keyFile);
  expect(server.reloadCertificates()).toBe(false);
  expect(server.reloadCertificates()).toBe(false);
  expect(network?.logged.filter((line) => line.startsWith('certificates cannot be read again')).length).toBe(3);
  await dial(client('node-b'), address);
  use(files, 'node-a-renewed');
  copyFileSync(tlsFile('authority'), files.authorityFile);
  expect(server.reloadCertificates()).toBe(true);
  await dial(client('node-b'), address);
});

test('a node does not start with files that cannot be used, and says which', () => {
  network = websocketNetwork();
  const open = (tls: Partial<ClusterTlsOptions>) => () => (network as WebsocketNetwork).open('node-a', { tls });
  expect(open({ keyFile: '/nowhere/key.pem' })).toThrowError(
    expect.objectContaining({ code: 'NEXUS_TLS_FILES', message: expect.stringContaining('/nowhere/key.pem') }),
  );
  for (const wrong of [
    { keyFile: tlsFiles('node-b').keyFile },
    { authorityFile: tlsFile('revocations') },
    { certificateFile: tlsFile('revocations') },
    { revocationListFile: tlsFile('authority') },
  ]) {
    expect(open(wrong), JSON.stringify(wrong)).toThrowError(expect.objectContaining({ code: 'NEXUS_TLS_FILES' }));
  }
});

test('a node whose certificate is revoked while it is connected is cut off, on both sides, and others stay', async () => {
  const files = ownFiles('node-a');
  const { wire: server, address, accepted } = await serve('node-a', files);
  const stolen = await dial(client('node-b-stolen'), address);
  const good = await dial(client('node-b'), address);
  const dialed = await serve('node-b-stolen');
  const out = await dial(server, dialed.address);
  await until(() => accepted.length === 2);
  copyFileSync(tlsFile('revocations'), files.revocationListFile);
  expect(server.reloadCertificates()).toBe(true);
  await until(() => stolen.reasons.length === 1 && out.reasons.length === 1 && accepted.some(({ reasons }) => reasons.length === 1));
  const refused = accepted.filter(({ reasons }) => reasons.length === 1);
  expect(refused.map(({ reasons: [reason] }) => reason)).toEqual([{ type: 'failed', error: expect.objectContaining({ code: 'NEXUS_TLS_REVOKED' }) }]);
  expect(out.reasons).toEqual([{ type: 'failed', error: expect.objectContaining({ code: 'NEXUS_TLS_REVOKED' }) }]);
  expect(server.refusals.get('NEXUS_TLS_REVOKED')).toBe(2);
  expect(good.reasons).toEqual([]);
  expect((await refusal(client('node-b-stolen'), address)).code).toBe('NEXUS_TLS_REVOKED');
});

test('a certificate that is revoked while a connection is being made is refused, by either side', async () => {
  const files = ownFiles('node-a');
  const { wire: server, address, accepted } = await serve('node-a', files);
  const { certificateFile, keyFile, authorityFile } = tlsFiles('node-b-stolen');
  const socket = connectTls({
    host: HOST,
    port: address.port,
    cert: readFileSync(certificateFile),
    key: readFileSync(keyFile),
    ca: readFileSync(authorityFile),
    checkServerIdentity: () => undefined,
  });
  await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()));
  // The other side must have seen it: it sends tickets then, or nothing; a whole connection of another node takes longer.
  await dial(client('node-b'), address);
  const called = refusal(server, (await serve('node-b-stolen')).address);
  copyFileSync(tlsFile('revocations'), files.revocationListFile);
  expect(server.reloadCertificates()).toBe(true);
  expect((await called).code).toBe('NEXUS_TLS_REVOKED');
  const answer = await askedToUpgrade(socket);
  expect(answer).toMatch(/^HTTP\/1.1 403 Forbidden\r\n[\s\S]*x-nexus-refusal: NEXUS_TLS_REVOKED/);
  expect(server.refusals.get('NEXUS_TLS_REVOKED')).toBe(2);
  expect(accepted.length).toBe(1);
});
