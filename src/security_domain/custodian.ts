import { hash, type KeyObject, X509Certificate } from 'node:crypto';
import { badParameter, StrongroomError } from '../model/errors.ts';

/** Somebody who keeps a share: known by a certificate, whose private key opens it. */
export interface Custodian {
  readonly publicKey: KeyObject;
  /** SHA-256 of the certificate, base64url. */
  readonly thumbprint: string;
}

const LEAST_MODULUS_BITS = 2048;

/** @throws StrongroomError `BadParameter` when it is no certificate of an RSA key that is long enough */
export function custodianOf(certificate: X509Certificate, parameter: string): Custodian {
  const { publicKey } = certificate;
  const bits = publicKey.asymmetricKeyType === 'rsa' ? publicKey.asymmetricKeyDetails?.modulusLength : undefined;
  if (bits === undefined || bits < LEAST_MODULUS_BITS) {
    const what = bits === undefined ? `a key of type ${publicKey.asymmetricKeyType}` : `an RSA key of ${bits} bits`;
    throw badParameter(parameter, `a certificate of an RSA key of ${LEAST_MODULUS_BITS} bits or more`, what);
  }
  return { publicKey, thumbprint: thumbprintOf(certificate) };
}

/** From DER in base64, as `x5c` has it, or from PEM. @throws StrongroomError `BadParameter` */
export function readCertificate(text: string, parameter: string): X509Certificate {
  try {
    return new X509Certificate(text.startsWith('-----') ? text : Buffer.from(text, 'base64'));
  } catch (cause) {
    throw new StrongroomError('BadParameter', `Expected an X.509 certificate for ${parameter}.`, { cause });
  }
}

export function thumbprintOf(certificate: X509Certificate): string {
  return hash('sha256', certificate.raw, 'base64url');
}
