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

const SENTENCES: Partial<Record<ErrorCode, string>> = {
  NEXUS_TLS_EXPIRED: 'the certificate of the other node has expired or is not valid yet',
  NEXUS_TLS_REVOKED: 'the certificate of the other node was revoked',
  NEXUS_TLS_NAME: 'the certificate of the other node is not of the name it needs',
  NEXUS_TLS_UNTRUSTED: 'the certificate of the other node was not signed by the authority of this cluster, or there is none',
  NEXUS_TLS_FILES: 'the revocation list has expired, or is not of the authority that signed the certificate of the other node',
};

/** Undefined if it says nothing about certificates. */
export function certificateCodeOf(systemCode: unknown): ErrorCode | undefined {
  return typeof systemCode === 'string' && Object.hasOwn(CODES, systemCode) ? CODES[systemCode] : undefined;
}

/** @param who at the other end, such as `10.0.0.7:7400` */
export function certificateError(code: ErrorCode, who: string, detail: string): NexusError {
  return new NexusError(code, `${who}: ${SENTENCES[code] ?? 'there is no secure connection to the other node'} (${detail})`, { data: { remote: who, detail } });
}

/** The failure of a TLS handshake, for whatever reason. */
export function tlsFailure(error: NodeJS.ErrnoException, who: string): NexusError {
  const code = certificateCodeOf(error.code) ?? 'NEXUS_TLS_FAILED';
  const detail = error.code ?? error.message;
  return new NexusError(code, certificateError(code, who, detail).message, { cause: error, data: { remote: who, detail } });
}

export function isTlsFailure(error: NodeJS.ErrnoException): boolean {
  return certificateCodeOf(error.code) !== undefined || /^(ERR_SSL|ERR_TLS|EPROTO)/.test(error.code ?? '');
}
