import { isUtf8 } from 'node:buffer';
import { badParameter } from '../../model/errors.ts';
import { parseStrictJson } from '../../model/strict_json.ts';

/**
 * Reads JSON in UTF-8 without a byte order mark, with the strictness of `parseStrictJson`.
 * @throws StrongroomError `BadParameter`
 */
export function parseJson(bytes: Buffer, parameter = 'the request body'): unknown {
  if (bytes.length === 0) throw badParameter(parameter, 'a JSON object', undefined);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    throw badParameter(parameter, 'JSON without a byte order mark', bytes);
  if (!isUtf8(bytes)) throw badParameter(parameter, 'JSON in UTF-8', bytes);
  return parseStrictJson(bytes.toString('utf8'), parameter, bytes);
}
