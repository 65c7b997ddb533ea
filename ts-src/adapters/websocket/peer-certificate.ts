/** What the wire keeps of the certificate of a peer: its names, and what finds it in a revocation list. */
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { namesOf } from './certificate-names.js';
import { certificateKey } from './revocation-list.js';
import type { PeerCertificate } from './websocket-connection.js';

/** Longer chains are cut: nobody has them. */
const CHAIN_LENGTH_MAX = 8;

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
