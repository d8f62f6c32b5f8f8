import { StrongroomError } from '../../model/errors.ts';
import { requireKeyName, requireKeyVersion } from '../../model/key_identifier.ts';
import type { Exchange } from '../exchange.ts';
import { readBody } from '../read_body.ts';
import { parseJson } from '../wire/json_text.ts';
import { isJson } from '../wire/media_type.ts';

/** Does the request say what it must? Routes without a body never read one. */
export function parseBody(exchange: Exchange): void | Promise<void> {
  const { route, key, incoming } = exchange;
  if (route.scope === 'key') requireKeyName(key.name);
  if (key.version !== undefined) requireKeyVersion(key.version);
  const { body } = route;
  if (body === undefined) return undefined;
  const { headers } = incoming;
  const announcesBody =
    headers['content-length'] !== '0' && (headers['content-length'] ?? headers['transfer-encoding']) !== undefined;
  if (announcesBody) requireJson(headers['content-type'], headers['content-encoding']);
  return readBody(incoming, route.bodyBytes).then((bytes) => {
    try {
      exchange.body = body.check(parseJson(bytes));
    } finally {
      bytes.fill(0);
    }
  });
}

function requireJson(contentType: string | undefined, contentEncoding: string | undefined): void {
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity') {
    throw new StrongroomError('UnsupportedMediaType', 'Expected no Content-Encoding.');
  }
  if (!isJson(contentType)) {
    throw new StrongroomError(
      'UnsupportedMediaType',
      'Expected application/json in UTF-8 for the Content-Type header.',
    );
  }
}
