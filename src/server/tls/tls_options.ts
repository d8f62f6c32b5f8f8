import { constants } from 'node:crypto';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { LIMITS } from '../../model/limits.ts';

export interface TlsIdentity {
  /** The certificate chain in PEM, the server's own first. */
  readonly certificate: string;
  readonly key: string;
}

/** TLS 1.3, and of TLS 1.2 what has forward secrecy and authenticated encryption (RFC 9325 §4.2). */
const SUITES = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** `clientAuthorities`, in PEM, vouch for clients. */
export function secureContextOptions(
  { certificate, key }: TlsIdentity,
  clientAuthorities: string | undefined,
): SecureContextOptions {
  return {
    ca: clientAuthorities,
    cert: certificate,
    key,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: SUITES,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
  };
}

/** With authorities for clients, certificates are asked for; what comes of it is for those behind to look at. */
export function tlsOptions(identity: TlsIdentity, clientAuthorities: string | undefined): TlsOptions {
  return {
    ...secureContextOptions(identity, clientAuthorities),
    requestCert: clientAuthorities !== undefined,
    rejectUnauthorized: false,
    handshakeTimeout: LIMITS.tlsHandshakeTimeoutMs,
  };
}
