import { createHash, createPublicKey } from 'node:crypto';
import { BitString, fromBER, Integer, OctetString, Utf8String } from 'asn1js';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  Extension,
  PublicKeyInfo,
  Time,
  TimeType,
} from 'pkijs';
import { derEcdsaSignature } from '../../pkcs11/signature_format.ts';
import type { HsmPool } from '../../pool/hsm_pool.ts';

/** Object identifiers of RFC 5280 §4.2.1 and RFC 5758 §3.2. */
const OID = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

/** No clock: whoever builds the certificate, and whenever, builds the same one. The end is RFC 5280's for "none" (§4.1.2.5). */
const NOT_BEFORE = new Date('2025-01-01T00:00:00Z');
const NOT_AFTER = new Date('9999-12-31T23:59:59Z');
const SERIAL_BYTES = 16;
const DIGITAL_SIGNATURE = { byte: 0x80, unusedBits: 7 };

/**
 * The certificate of a pool's attestation key, signed by that key itself, in DER. Everything in it follows from the key and from the
 * label of its first token, so that every server of a pool says the same; only the signature differs from one making to the next.
 */
export async function buildPoolCertificate(pool: HsmPool): Promise<Uint8Array> {
  const { x, y } = await pool.attestationPublicKey();
  const jwk = { kty: 'EC', crv: 'P-256', x: base64url(x), y: base64url(y) };
  const spki = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' });
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: serialNumber(spki) });
  certificate.notBefore = new Time({ type: TimeType.UTCTime, value: NOT_BEFORE });
  certificate.notAfter = new Time({ type: TimeType.GeneralizedTime, value: NOT_AFTER });
  const name = new Utf8String({ value: `Strongroom attestation of ${pool.label}` });
  certificate.subject.typesAndValues = [new AttributeTypeAndValue({ type: OID.commonName, value: name })];
  certificate.issuer.typesAndValues = certificate.subject.typesAndValues;
  certificate.subjectPublicKeyInfo = new PublicKeyInfo({ schema: fromBER(exactly(spki)).result });
  certificate.extensions = extensions(certificate);
  certificate.signature = new AlgorithmIdentifier({ algorithmId: OID.ecdsaWithSha256 });
  certificate.signatureAlgorithm = certificate.signature;
  certificate.tbsView = new Uint8Array(certificate.encodeTBS().toBER());
  const digest = createHash('sha256').update(certificate.tbsView).digest();
  const signature = derEcdsaSignature(await pool.signAttestation(digest));
  certificate.signatureValue = new BitString({ valueHex: exactly(signature) });
  return new Uint8Array(certificate.toSchema().toBER());
}

/** Positive and without a leading zero byte (RFC 5280 §4.1.2.2). */
function serialNumber(spki: Uint8Array): ArrayBuffer {
  const bytes = Uint8Array.from(createHash('sha256').update(spki).digest().subarray(0, SERIAL_BYTES));
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return bytes.buffer;
}

function extensions(certificate: Certificate): Extension[] {
  const { byte, unusedBits } = DIGITAL_SIGNATURE;
  const usage = new BitString({ valueHex: Uint8Array.of(byte).buffer, unusedBits });
  // SHA-1 of the public key, as a name and not for its strength (RFC 5280 §4.2.1.2).
  const key = certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView;
  const identifier = new OctetString({ valueHex: exactly(createHash('sha1').update(key).digest()) });
  return [
    extension(OID.basicConstraints, true, new BasicConstraints({ cA: false }).toSchema()),
    extension(OID.keyUsage, true, usage),
    extension(OID.subjectKeyIdentifier, false, identifier),
  ];
}

function extension(extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER() });
}

/** A buffer of its own: those of Node are often windows into larger ones. */
const exactly = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
