import test from 'ava';
import { LIMITS } from '../../src/model/limits.ts';
import { tokenProfile } from '../../src/pool/token_profile.ts';

const SOFTHSM = { model: 'SoftHSM v2' };
const OTHER = { model: 'Luna K7' };

test('SoftHSM is recognised by its model and gets one lane per host', (t) => {
  t.like(tokenProfile({}, SOFTHSM), {
    name: 'softhsm',
    lanes: { first: 1, most: 1 },
    serialisedCreation: true,
    copiesPoolKeys: true,
  });
});

test('a database of NSS is recognised by its model, and its row says what it lacks', (t) => {
  const profile = tokenProfile({}, { model: 'NSS 3' });
  t.like(profile, { name: 'nss', namesPointOfUnwrapped: true, oneSecretPerId: true });
  t.false(profile.curves.has('P-256K'));
});

test('every other token gets one host with several lanes', (t) => {
  t.like(tokenProfile({}, OTHER), {
    name: 'generic',
    hosts: 1,
    lanes: { first: 4, most: LIMITS.lanesPerHost },
    serialisedCreation: false,
  });
});

test('a profile that is named is taken whatever the token says', (t) => {
  t.is(tokenProfile({ profile: 'generic' }, SOFTHSM).name, 'generic');
  t.is(tokenProfile({ profile: 'softhsm' }, OTHER).name, 'softhsm');
});

test('the operator sets hosts, lanes and the kind of session objects', (t) => {
  const profile = tokenProfile({ hosts: 3, lanesPerHost: 16, sessionObjects: 'public' }, OTHER);
  t.like(profile, { hosts: 3, lanes: { first: 16, most: 16 }, sessionObjects: 'public' });
});

test('numbers past the limits are refused', (t) => {
  for (const options of [
    { hosts: 0 },
    { hosts: LIMITS.hostsPerToken + 1 },
    { lanesPerHost: 0 },
    { lanesPerHost: LIMITS.lanesPerHost + 1 },
    { lanesPerHost: 1.5 },
  ]) {
    t.throws(() => tokenProfile(options, OTHER), { instanceOf: TypeError });
  }
});
