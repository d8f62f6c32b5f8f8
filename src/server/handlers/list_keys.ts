import { requireKeyName } from '../../model/key_identifier.ts';
import type { Call } from '../route.ts';
import { keyList } from '../wire/key_list.ts';
import { nextLink, readPage } from '../wire/paging.ts';

export async function listKeys({ engine, authority, exchange }: Call): Promise<string> {
  const { query } = exchange.target;
  const asked = readPage(query, requireKeyName);
  const { items, next } = await engine.listKeys(asked);
  return keyList(authority, items, nextLink(authority, '/keys', query, asked, next));
}
