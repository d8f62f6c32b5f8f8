import { requireKeyName } from '../../model/key_identifier.ts';
import type { Call } from '../route.ts';
import { deletedKeyList } from '../wire/key_list.ts';
import { nextLink, readPage } from '../wire/paging.ts';

export async function listDeletedKeys({ engine, authority, exchange }: Call): Promise<string> {
  const { query } = exchange.target;
  const asked = readPage(query, requireKeyName);
  const { items, next } = await engine.listDeletedKeys(asked);
  return deletedKeyList(authority, items, nextLink(authority, '/deletedkeys', query, asked, next));
}
