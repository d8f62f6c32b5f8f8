import test from 'ava';
import { vendorEnvironment } from '../../src/pkcs11/vendor_environment.ts';

test.serial('a vendor library sees its own variables and few of ours', (t) => {
  process.env.STRONGROOM_TEST_PIN = 'a secret of the environment';
  try {
    const environment = vendorEnvironment({ ChrystokiConfigurationPath: '/etc/luna' });
    t.is(environment.ChrystokiConfigurationPath, '/etc/luna');
    t.is(environment.PATH, process.env.PATH);
    t.false(Object.values(environment).includes('a secret of the environment'));
  } finally {
    delete process.env.STRONGROOM_TEST_PIN;
  }
});

test.serial('a variable that is named goes before the inherited one', (t) => {
  t.is(vendorEnvironment({ PATH: '/vendor/bin' }).PATH, '/vendor/bin');
});
