import { getSetting } from '../handlers/get_setting.ts';
import { listSettings } from '../handlers/list_settings.ts';
import { setSetting } from '../handlers/set_setting.ts';
import { type Route, route } from '../route.ts';
import { SETTING_UPDATE } from '../wire/setting.ts';

/** Settings of the pool (Azure API §1.18). */
export const SETTING_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    paths: ['/settings'],
    operation: 'listSettings',
    dataAction: 'Microsoft.KeyVault/managedHsm/settings/read/action',
    scope: 'pool',
    body: undefined,
    handler: listSettings,
  }),
  route({
    method: 'GET',
    paths: ['/settings/:setting'],
    operation: 'getSetting',
    dataAction: 'Microsoft.KeyVault/managedHsm/settings/read/action',
    scope: 'pool',
    body: undefined,
    handler: getSetting,
  }),
  route({
    method: 'PATCH',
    paths: ['/settings/:setting'],
    operation: 'setSetting',
    dataAction: 'Microsoft.KeyVault/managedHsm/settings/write/action',
    scope: 'pool',
    body: SETTING_UPDATE,
    handler: setSetting,
  }),
];
