import { requireKeyVersion } from '../../model/key_identifier.ts';
import type { Call } from '../route.ts';
import { keyVersionList } from '../wire/key_list.ts';
import { nextLink, readPage } from '../wire/paging.ts';

export async function listKeyVersions({ engine, key: { name }, authority, exchange }: Call): Promise<string> {
  const { query } = exchange.target;
  const asked = readPage(query, requireKeyVersion);
  const { items, next } = await engine.listKeyVersions(name, asked);
  return keyVersionList(authority, items, nextLink(authority, `/keys/${name}/versions`, query, asked, next));
}
