import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import { BitString, Integer, OctetString, Utf8String } from 'asn1js';
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CryptoEngine,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  GeneralSubtree,
  NameConstraints,
  setEngine,
} from 'pkijs';

/** Certificate and private key (PKCS#8), both in PEM. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Extensions and key purposes by their object identifiers (RFC 5280 §4.2.1). */
const OID = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuthentication: '1.3.6.1.5.5.7.3.1',
} as const;

const DAY_MS = 24 * 60 * 60 * 1000;
/** Both are valid a day before they are made: the clocks of clients differ. */
const BACKDATED_MS = DAY_MS;
const AUTHORITY_LIFE_MS = 3_650 * DAY_MS;
/** What browsers and Apple's libraries accept of a server's certificate. */
const SERVER_LIFE_MS = 397 * DAY_MS;
const AUTHORITY_KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SERVER_KEY = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: 'SHA-256',
} as const;
const HASH = 'SHA-256';
const DNS_NAME = 2;
const IP_ADDRESS = 7;
const KEY_CERT_SIGN_AND_CRL_SIGN = { byte: 0x06, unusedBits: 1 };
const SIGN_AND_ENCIPHER_KEYS = { byte: 0xa0, unusedBits: 5 };

setEngine('node', new CryptoEngine({ name: 'node', crypto: webcrypto }));

/**
 * A certificate authority for these names and no others: people put its certificate among those they trust, and a stolen key of it must not
 * be good for the names of somebody else (RFC 5280 §4.2.1.10).
 */
export async function newAuthority(
  commonName: string,
  names: readonly string[],
  now: Date,
): Promise<IssuedCertificate> {
  const keys = await webcrypto.subtle.generateKey(AUTHORITY_KEY, true, ['sign', 'verify']);
  const certificate = newCertificate(commonName, now, AUTHORITY_LIFE_MS);
  certificate.issuer.typesAndValues = certificate.subject.typesAndValues;
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  const keyIdentifier = await subjectKeyIdentifier(certificate);
  certificate.extensions = [
    extension(OID.basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema()),
    extension(OID.keyUsage, true, keyUsage(KEY_CERT_SIGN_AND_CRL_SIGN)),
    extension(OID.nameConstraints, true, permittedNames(names).toSchema()),
    extension(OID.subjectKeyIdentifier, false, keyIdentifier),
  ];
  await certificate.sign(keys.privateKey, HASH);
  return { certificate: certificatePem(certificate), key: await keyPem(keys.privateKey) };
}

/** A certificate for a server of these names: host names, wildcards and addresses. */
export async function issueServerCertificate(
  authority: IssuedCertificate,
  names: readonly string[],
  now: Date,
): Promise<IssuedCertificate> {
  const issuer = Certificate.fromBER(pemBytes(authority.certificate));
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pemBytes(authority.key), AUTHORITY_KEY, false, ['sign']);
  const keys = await webcrypto.subtle.generateKey(SERVER_KEY, true, ['sign', 'verify']);
  const certificate = newCertificate(names[0] ?? 'localhost', now, SERVER_LIFE_MS);
  certificate.issuer.typesAndValues = issuer.subject.typesAndValues;
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  const authorityKeyIdentifier = new AuthorityKeyIdentifier({ keyIdentifier: await subjectKeyIdentifier(issuer) });
  const alternativeNames = new GeneralNames({ names: names.map((name) => generalName(name, addressBytes(name))) });
  certificate.extensions = [
    extension(OID.basicConstraints, true, new BasicConstraints({ cA: false }).toSchema()),
    extension(OID.keyUsage, true, keyUsage(SIGN_AND_ENCIPHER_KEYS)),
    extension(OID.extendedKeyUsage, false, new ExtKeyUsage({ keyPurposes: [OID.serverAuthentication] }).toSchema()),
    extension(OID.subjectAlternativeName, false, alternativeNames.toSchema()),
    extension(OID.authorityKeyIdentifier, false, authorityKeyIdentifier.toSchema()),
    extension(OID.subjectKeyIdentifier, false, await subjectKeyIdentifier(certificate)),
  ];
  await certificate.sign(signingKey, HASH);
  return { certificate: certificatePem(certificate), key: await keyPem(keys.privateKey) };
}

function newCertificate(commonName: string, now: Date, lifeMs: number): Certificate {
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: serialNumber() });
  certificate.notBefore.value = new Date(now.getTime() - BACKDATED_MS);
  certificate.notAfter.value = new Date(now.getTime() - BACKDATED_MS + lifeMs);
  certificate.subject.typesAndValues = [
    new AttributeTypeAndValue({ type: OID.commonName, value: new Utf8String({ value: commonName }) }),
  ];
  return certificate;
}

/** Positive, without a leading zero byte, and with more than 64 random bits (RFC 5280 §4.1.2.2). */
function serialNumber(): ArrayBuffer {
  const bytes = Uint8Array.from(randomBytes(16));
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return bytes.buffer;
}

type Asn1 = { toBER(): ArrayBuffer };

function extension(extnID: string, critical: boolean, value: Asn1): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER() });
}

function keyUsage({ byte, unusedBits }: { byte: number; unusedBits: number }): BitString {
  return new BitString({ valueHex: Uint8Array.of(byte).buffer, unusedBits });
}

/** SHA-1 of the public key, as a name and not for its strength (RFC 5280 §4.2.1.2). */
async function subjectKeyIdentifier(certificate: Certificate): Promise<OctetString> {
  const key = certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView;
  return new OctetString({ valueHex: await webcrypto.subtle.digest('SHA-1', Uint8Array.from(key)) });
}

function permittedNames(names: readonly string[]): NameConstraints {
  const bases = names.map((name) => {
    const address = addressBytes(name);
    // A permitted address is followed by its mask, here that of the one address.
    const range = address === undefined ? undefined : Uint8Array.from([...address, ...address.map(() => 0xff)]);
    return generalName(name.replace(/^\*\./, ''), range);
  });
  return new NameConstraints({ permittedSubtrees: bases.map((base) => new GeneralSubtree({ base })) });
}

function generalName(name: string, address: Uint8Array<ArrayBuffer> | undefined): GeneralName {
  if (address === undefined) return new GeneralName({ type: DNS_NAME, value: name });
  return new GeneralName({ type: IP_ADDRESS, value: new OctetString({ valueHex: address.buffer }) });
}

/** The bytes of an address in dots, or of `::1`, the one IPv6 address that is served by its number. */
function addressBytes(name: string): Uint8Array<ArrayBuffer> | undefined {
  if (isIP(name) === 4) return Uint8Array.from(name.split('.').map(Number));
  if (name === '::1') return Uint8Array.from([...new Uint8Array(15), 1]);
  return undefined;
}

function certificatePem(certificate: Certificate): string {
  return pem('CERTIFICATE', certificate.toSchema().toBER());
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', key));
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function pemBytes(text: string): Uint8Array<ArrayBuffer> {
  const base64 = text.replace(/-----[^-]+-----/g, '').replace(/\s/g, '');
  return Uint8Array.from(Buffer.from(base64, 'base64'));
}
