import type { Call } from '../route.ts';
import { readSettingValue, type SettingUpdateBody, settingBody } from '../wire/setting.ts';

export async function setSetting({ engine, exchange }: Call, body: SettingUpdateBody): Promise<string> {
  const { setting: name = '' } = exchange.target.parameters;
  return settingBody(await engine.setSetting(name, readSettingValue(body)));
}
