import type { Call } from '../route.ts';
import { settingList } from '../wire/setting.ts';

export async function listSettings({ engine }: Call): Promise<string> {
  return settingList(await engine.listSettings());
}
