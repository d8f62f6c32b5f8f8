import { type Static, Type } from 'typebox';
import { badParameter } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { type Custodian, custodianOf, readCertificate } from '../../security_domain/custodian.ts';
import type { DomainOperationState } from '../../security_domain/domain_custody.ts';
import { Shape } from './shape.ts';

const QUORUM = 2;

/** CertificateInfoObject (Azure API §1.21). Of a key its certificate is what counts; the other members must not say otherwise. */
export const CERTIFICATES = new Shape(
  Type.Object(
    {
      certificates: Type.Array(
        Type.Object(
          {
            x5c: Type.Array(Type.String({ expected: 'a certificate in base64' }), {
              minItems: 1,
              maxItems: 1,
              expected: 'a list of one certificate',
            }),
            'x5t#S256': Type.Optional(Type.String({ expected: 'a thumbprint in base64url' })),
            n: Type.Optional(Type.String({ expected: 'a modulus in base64url' })),
            e: Type.Optional(Type.String({ expected: 'an exponent in base64url' })),
          },
          { expected: 'a JSON Web Key with its certificate' },
        ),
        {
          minItems: LIMITS.custodiansLeast,
          maxItems: LIMITS.custodians,
          expected: `${LIMITS.custodiansLeast} to ${LIMITS.custodians} certificates`,
        },
      ),
      required: Type.Optional(
        Type.Integer({
          minimum: LIMITS.quorumLeast,
          maximum: LIMITS.custodians,
          expected: `an integer from ${LIMITS.quorumLeast} to ${LIMITS.custodians}`,
        }),
      ),
    },
    { expected: 'a JSON object' },
  ),
);
export type CertificatesBody = Static<typeof CERTIFICATES.schema>;

/** @throws StrongroomError `BadParameter` */
export function readCustodians({ certificates }: CertificatesBody): Custodian[] {
  return certificates.map(({ x5c, 'x5t#S256': thumbprint, n, e }, index) => {
    const name = `certificates[${index}]`;
    const certificate = readCertificate(x5c[0] as string, `${name}.x5c`);
    const custodian = custodianOf(certificate, name);
    if (thumbprint !== undefined && stripped(thumbprint) !== custodian.thumbprint) {
      throw badParameter(`${name}.x5t#S256`, 'the thumbprint of its certificate', thumbprint);
    }
    const jwk = custodian.publicKey.export({ format: 'jwk' });
    if ((n !== undefined && stripped(n) !== jwk.n) || (e !== undefined && stripped(e) !== jwk.e)) {
      throw badParameter(name, 'the key of its certificate', 'another key');
    }
    return custodian;
  });
}

export function quorumOf({ required = QUORUM }: CertificatesBody): number {
  return required;
}

const stripped = (base64url: string): string => base64url.replace(/=+$/, '');

/** SecurityDomainObject: the file as a text. */
export function securityDomainBody(file: string): string {
  return JSON.stringify({ value: file });
}

/** SecurityDomainObject, with the file of a recovery. */
export const SECURITY_DOMAIN = new Shape(
  Type.Object(
    { value: Type.String({ minLength: 1, expected: 'a security domain for upload' }) },
    { expected: 'a JSON object' },
  ),
);
export type SecurityDomainBody = Static<typeof SECURITY_DOMAIN.schema>;

/** The text, which Azure's examples have in base64url and its command line as it is. */
export function recoveryText({ value }: SecurityDomainBody): string {
  return value.trimStart().startsWith('{') ? value : Buffer.from(value, 'base64url').toString('utf8');
}

/** How long a caller is to wait before it asks again. */
export const POLL_SECONDS = '5';

type Details = Readonly<Record<DomainOperationState, string>>;

const DOWNLOAD: Details = {
  None: 'No download has been asked for.',
  InProgress: 'The security domain is being taken out of the token.',
  Success: 'The security domain was downloaded.',
  Failed: 'The last download of the security domain failed.',
};
const UPLOAD: Details = {
  None: 'No upload has been asked for.',
  InProgress: 'The security domain is taking the place of that of this pool.',
  Success: 'The pool has the security domain that was uploaded.',
  Failed: 'The security domain that was uploaded could not be brought in, and the pool is as it was.',
};

export function downloadStatus(state: DomainOperationState): string {
  return operationStatus(state, DOWNLOAD);
}

export function uploadStatus(state: DomainOperationState): string {
  return operationStatus(state, UPLOAD);
}

/** SecurityDomainOperationStatus. Its states have no word for nothing at all. */
function operationStatus(state: DomainOperationState, details: Details): string {
  return JSON.stringify({ status: state === 'None' ? 'Failed' : state, status_details: details[state] });
}
