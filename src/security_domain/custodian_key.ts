import { randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { Integer, Utf8String } from 'asn1js';
import { AttributeTypeAndValue, Certificate, CryptoEngine, setEngine } from 'pkijs';

/** What a custodian gives away (the certificate) and keeps (the private key, PKCS#8), in PEM. */
export interface NewCustodianKey {
  readonly certificate: string;
  readonly privateKey: string;
}

const COMMON_NAME = '2.5.4.3';
const KEY = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 3072,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: 'SHA-256',
} as const;
const LIFE_MS = 3_650 * 24 * 60 * 60 * 1000;
const SERIAL_BYTES = 16;

setEngine('node', new CryptoEngine({ name: 'node', crypto: webcrypto }));

/** A key and a certificate that it signs itself: nobody but its owner vouches for it, and the custodian hands it over in person. */
export async function newCustodianKey(name: string, now: Date): Promise<NewCustodianKey> {
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: serialNumber() });
  certificate.notBefore.value = now;
  certificate.notAfter.value = new Date(now.getTime() + LIFE_MS);
  const commonName = new AttributeTypeAndValue({ type: COMMON_NAME, value: new Utf8String({ value: name }) });
  certificate.subject.typesAndValues = [commonName];
  certificate.issuer.typesAndValues = [commonName];
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  await certificate.sign(keys.privateKey, KEY.hash);
  return {
    certificate: new X509Certificate(Buffer.from(certificate.toSchema().toBER())).toString(),
    privateKey: pem(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)),
  };
}

/** Positive, without a leading zero byte, and with more than 64 random bits (RFC 5280 §4.1.2.2). */
function serialNumber(): ArrayBuffer {
  const bytes = Uint8Array.from(randomBytes(SERIAL_BYTES));
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return bytes.buffer;
}

function pem(der: ArrayBuffer): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
}
