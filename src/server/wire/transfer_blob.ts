import { Type } from 'typebox';
import type { ImportWrappedKeyRequest } from '../../engine/requests.ts';
import { badParameter } from '../../model/errors.ts';
import { parseKeyIdentifier } from '../../model/key_identifier.ts';
import { decodeBase64url } from './base64url.ts';
import { parseJson } from './json_text.ts';
import { Shape } from './shape.ts';

const BLOB = 'key.key_hsm';

/** The `.byok` file of bring your own key (Azure API §2.5). */
const TRANSFER_BLOB = new Shape(
  Type.Object(
    {
      schema_version: Type.Literal('1.0.0', { expected: '1.0.0' }),
      header: Type.Object(
        {
          kid: Type.String({ expected: 'a key identifier' }),
          alg: Type.Literal('dir', { expected: 'dir' }),
          enc: Type.Literal('CKM_RSA_AES_KEY_WRAP', { expected: 'CKM_RSA_AES_KEY_WRAP' }),
        },
        { expected: 'an object' },
      ),
      ciphertext: Type.String({ expected: 'base64url text' }),
    },
    { expected: 'a JSON object' },
  ),
  BLOB,
);

/** `text`: base64url of the whole file. `isPool`: whether key identifiers may begin so. @throws StrongroomError `BadParameter` */
export function readTransferBlob(
  text: string,
  isPool: (authority: string) => boolean,
): Pick<ImportWrappedKeyRequest, 'exchangeKey' | 'wrappedKey'> {
  const { header, ciphertext } = TRANSFER_BLOB.check(parseJson(decodeBase64url(BLOB, text), BLOB));
  const parameter = `${BLOB}.header.kid`;
  const { authority, name, version } = parseKeyIdentifier(header.kid, parameter);
  if (!isPool(authority)) throw badParameter(parameter, 'a key of this pool', header.kid);
  return { exchangeKey: { name, version }, wrappedKey: decodeBase64url(`${BLOB}.ciphertext`, ciphertext) };
}
