/** What the wire keeps of the certificate of a peer: its names, and what finds it in a revocation list. */
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { namesOf } from './certificate-names.js';
import { certificateKey } from './revocation-list.js';
import type { TlsMaterial } from './tls-files.js';
import type { PeerCertificate } from './websocket-connection.js';

/** Longer chains are cut: nobody has them. */
const CHAIN_LENGTH_MAX = 8;

/** Whether it, or one that it was signed by, is in a list: that may be newer than the verdict of OpenSSL about the connection. */
export function isRevoked({ keys }: PeerCertificate, { revoked }: TlsMaterial): boolean {
  return revoked.size > 0 && keys.some((key) => revoked.has(key));
}

/** Only of a socket whose certificate was checked. */
export function peerCertificateOf(socket: TLSSocket): PeerCertificate {
  const keys: string[] = [];
  const leaf = socket.getPeerCertificate(true);
  let certificate: DetailedPeerCertificate | undefined = leaf;
  while (certificate?.raw !== undefined && keys.length < CHAIN_LENGTH_MAX) {
    keys.push(certificateKey(certificate.raw));
    // A root is its own issuer.
    certificate = certificate.issuerCertificate === certificate ? undefined : certificate.issuerCertificate;
  }
  return { names: leaf.raw === undefined ? [] : namesOf(new X509Certificate(leaf.raw)), keys };
}
