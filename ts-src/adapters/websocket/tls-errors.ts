/** What is wrong with the certificate of a peer, as an error of Nexus: OpenSSL says it in some forty codes, of which five things follow for whoever has to mend it. */
import { type ErrorCode, NexusError } from '../../errors.js';

/** Codes of X509_verify_cert_error_string, as Node.js names them. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  CERT_HAS_EXPIRED: 'NEXUS_TLS_EXPIRED',
  CERT_NOT_YET_VALID: 'NEXUS_TLS_EXPIRED',
  CERT_REVOKED: 'NEXUS_TLS_REVOKED',
  ERR_TLS_CERT_ALTNAME_INVALID: 'NEXUS_TLS_NAME',
  UNABLE_TO_GET_ISSUER_CERT: 'NEXUS_TLS_UNTRUSTED',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'NEXUS_TLS_UNTRUSTED',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'NEXUS_TLS_UNTRUSTED',
  SELF_SIGNED_CERT_IN_CHAIN: 'NEXUS_TLS_UNTRUSTED',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'NEXUS_TLS_UNTRUSTED',
  CERT_SIGNATURE_FAILURE: 'NEXUS_TLS_UNTRUSTED',
  CERT_UNTRUSTED: 'NEXUS_TLS_UNTRUSTED',
  INVALID_CA: 'NEXUS_TLS_UNTRUSTED',
  INVALID_PURPOSE: 'NEXUS_TLS_UNTRUSTED',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'NEXUS_TLS_UNTRUSTED',
  UNABLE_TO_GET_CRL: 'NEXUS_TLS_FILES',
  CRL_HAS_EXPIRED: 'NEXUS_TLS_FILES',
  CRL_NOT_YET_VALID: 'NEXUS_TLS_FILES',
  CRL_SIGNATURE_FAILURE: 'NEXUS_TLS_FILES',
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: 'NEXUS_TLS_FILES',
};

interface Complaint {
  readonly what: string;
  readonly remedy: string;
}

/** About the certificate that somebody has shown. */
const COMPLAINTS: Partial<Record<ErrorCode, Complaint>> = {
  NEXUS_TLS_EXPIRED: { what: 'has expired or is not valid yet', remedy: 'give that node a new one, and look at the clocks' },
  NEXUS_TLS_REVOKED: { what: 'was revoked', remedy: 'give that node another one, if it is to be in the cluster' },
  NEXUS_TLS_NAME: { what: 'is not of the name it needs', remedy: 'give each node one with its name, or all of them one with the name in tls.serverName' },
  NEXUS_TLS_UNTRUSTED: {
    what: 'was not signed by the right authority, or there is none',
    remedy: 'sign the certificates of all nodes with one authority, and give all nodes that as tls.authorityFile',
  },
  NEXUS_TLS_FILES: {
    what: 'cannot be compared with the revocation list: that has expired, or is not of the authority that signed the certificate',
    remedy: 'renew tls.revocationListFile',
  },
};
const ONE_WITHOUT = 'give all nodes of the cluster the option tls, or none';
/** What OpenSSL says of bytes that are no TLS. */
const NO_TLS = /wrong version number|http request|packet length too long/;

/** Undefined if it says nothing about certificates. */
export function certificateCodeOf(systemCode: unknown): ErrorCode | undefined {
  return typeof systemCode === 'string' && Object.hasOwn(CODES, systemCode) ? CODES[systemCode] : undefined;
}

/** @param who at the other end, such as `10.0.0.7:7400`; it has shown the certificate */
export function certificateError(code: ErrorCode, who: string, detail: string, cause?: Error): NexusError {
  const complaint = COMPLAINTS[code];
  const text =
    complaint === undefined ? `no secure connection to ${who} (${detail})` : `the certificate of ${who} ${complaint.what} (${detail}): ${complaint.remedy}`;
  return new NexusError(code, text, { ...(cause === undefined ? {} : { cause }), data: { remote: who, detail } });
}

/** The other side has refused what this node has shown, and has said why. Undefined if that has nothing to do with TLS. */
export function refusedByTls(code: ErrorCode, who: string): NexusError | undefined {
  const complaint = COMPLAINTS[code];
  if (complaint !== undefined)
    return new NexusError(code, `${who} refuses the certificate of this node: it ${complaint.what}: ${complaint.remedy}`, { data: { remote: who } });
  return code === 'NEXUS_TLS_FAILED' ? withTlsOnly(who, 'other') : undefined;
}

/** One of two nodes uses TLS. @param side which of the two */
export function withTlsOnly(who: string, side: 'other' | 'this'): NexusError {
  const text = side === 'other' ? `${who} uses TLS, and this node does not` : `${who} does not use TLS, and this node does`;
  return new NexusError('NEXUS_TLS_FAILED', `${text}: ${ONE_WITHOUT}`, { data: { remote: who } });
}

/** The failure of a TLS handshake, for whatever reason. */
export function tlsFailure(error: NodeJS.ErrnoException, who: string): NexusError {
  if (isWithoutTls(error)) return withTlsOnly(who, 'this');
  return certificateError(certificateCodeOf(error.code) ?? 'NEXUS_TLS_FAILED', who, error.code ?? error.message, error);
}

/** What came from the other side is not TLS. */
export function isWithoutTls(error: NodeJS.ErrnoException): boolean {
  return isTlsFailure(error) && NO_TLS.test(error.message);
}

export function isTlsFailure(error: NodeJS.ErrnoException): boolean {
  return certificateCodeOf(error.code) !== undefined || /^(ERR_SSL|ERR_TLS|EPROTO)/.test(error.code ?? '');
}
