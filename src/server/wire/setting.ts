import { type Static, Type } from 'typebox';
import type { Setting } from '../../engine/requests.ts';
import { badParameter } from '../../model/errors.ts';
import { Shape } from './shape.ts';

/** UpdateSettingRequest (Azure API §1.18): the value is a text. */
export const SETTING_UPDATE = new Shape(
  Type.Object({ value: Type.String({ expected: 'true or false as a text' }) }, { expected: 'a JSON object' }),
);
export type SettingUpdateBody = Static<typeof SETTING_UPDATE.schema>;

const VALUES: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

/** @throws StrongroomError `BadParameter` */
export function readSettingValue({ value }: SettingUpdateBody): boolean {
  const known = VALUES.get(value.toLowerCase());
  if (known === undefined) throw badParameter('value', 'true or false', value);
  return known;
}

export function settingBody(setting: Setting): string {
  return JSON.stringify(settingMembers(setting));
}

/** SettingsListResult. */
export function settingList(settings: readonly Setting[]): string {
  return JSON.stringify({ settings: settings.map(settingMembers) });
}

function settingMembers({ name, value }: Setting) {
  return { name, value: String(value), type: 'boolean' };
}
