import { StrongroomError } from '../../model/errors.ts';
import type { Call } from '../route.ts';
import { settingBody } from '../wire/setting.ts';

export async function getSetting({ engine, exchange }: Call): Promise<string> {
  const { setting: name } = exchange.target.parameters;
  const found = (await engine.listSettings()).find((setting) => setting.name === name);
  if (found === undefined) throw new StrongroomError('NotFound', 'There is no setting of this name.');
  return settingBody(found);
}
