import { access } from 'node:fs/promises';
import test from 'ava';
import { materialOfPair, nodeEcPair } from '../fixtures/key_material.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { countObjects } from '../fixtures/token_inventory.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';

let token: TestToken;
let opened: TestEngine;
let rules: FaultRules;

test.before(async () => {
  await access(FAULT_MODULE);
  token = await openTestToken();
  rules = new FaultRules(token.directory);
  const environment = { ...token.environment, ...rules.environment };
  opened = await token.openEngine({ pool: { module: FAULT_MODULE, environment, hosts: 1, restartsPerMinute: 1_000 } });
  // What is tested of the token before the first of its kind is done with.
  await opened.engine.createKey({ name: 'first', spec: { keyType: 'EC-HSM', curve: 'P-256' }, custody: 'resident' });
});
test.after.always(() => token.close());

const objects = async (): Promise<number> => (await countObjects(opened.pool, { CKA_TOKEN: true }))[0] as number;

/* As SoftHSM does on a disk that is full: CKR_FUNCTION_FAILED, or CKR_GENERAL_ERROR. */
for (const returnValue of ['0x6', '0x5']) {
  test.serial(`that a token cannot keep an imported key is not the key's fault (${returnValue})`, async (t) => {
    const { engine, store } = opened;
    const before = await objects();
    const name = `imported-${returnValue}`;
    const key = { name, material: materialOfPair(nodeEcPair('P-256')), custody: 'resident' } as const;
    await rules.set(`C_UnwrapKey 1 return ${returnValue} once`);
    await refused(t, engine.importKey(key), 'OutcomeUnknown');
    await rules.clear();
    t.is(await store.findKeyVersion(name, undefined), undefined);
    t.is(await objects(), before);
    await engine.importKey({ ...key, material: materialOfPair(nodeEcPair('P-256')) });
  });
}
