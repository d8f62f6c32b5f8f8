import test from 'ava';
import {
  ATTRIBUTE_KIND,
  COMPLETION,
  HOST_STATE,
  nativeAddon,
  OUTCOME,
  PARAMETER_KIND,
  REQUEST,
  RING_OPERATION,
  SIGNATURE_SCHEME,
} from '../../src/pkcs11/binding.ts';

test('binding.ts has the layout of the native core, field for field', (t) => {
  t.deepEqual(nativeAddon().layout(), {
    RING_OPERATION: { ...RING_OPERATION },
    PARAMETER_KIND: { ...PARAMETER_KIND },
    ATTRIBUTE_KIND: { ...ATTRIBUTE_KIND },
    REQUEST: { ...REQUEST },
    COMPLETION: { ...COMPLETION },
    OUTCOME: { ...OUTCOME },
    HOST_STATE: { ...HOST_STATE },
    SIGNATURE_SCHEME: { ...SIGNATURE_SCHEME },
  });
});

test('the fields of a record do not overlap and end where its payload starts', (t) => {
  for (const [name, layout] of Object.entries({ REQUEST, COMPLETION })) {
    const { headerLength, ...fields } = layout;
    const offsets = Object.values(fields).sort((a, b) => a - b);
    t.is(new Set(offsets).size, offsets.length, name);
    t.true(
      offsets.every((offset) => offset % 2 === 0 && offset < headerLength),
      name,
    );
    t.is(headerLength % 8, 0, name);
  }
});

test('a completion names its Cryptoki function by an index into the names of the native core', (t) => {
  const [outside, ...names] = nativeAddon().functionNames();
  t.is(outside, 'strongroom', 'index 0 is outside Cryptoki');
  t.is(new Set(names).size, names.length);
  t.deepEqual(
    names.filter((name) => !/^C_[A-Z]\w+$/.test(name)),
    [],
  );
  t.true(['C_Initialize', 'C_Login', 'C_SignInit', 'C_Sign', 'C_UnwrapKey'].every((name) => names.includes(name)));
});

test('the addon gives what binding.ts says, and nothing else', (t) => {
  const addon = nativeAddon();
  t.deepEqual(Object.keys(addon).sort(), [
    'Doorbell',
    'Ring',
    'ThreadHost',
    'VerifyingKey',
    'functionNames',
    'hardenProcess',
    'layout',
    'returnFreedMemory',
  ]);
  const members = (type: { readonly prototype: object }) =>
    Object.getOwnPropertyNames(type.prototype)
      .filter((name) => name !== 'constructor')
      .sort();
  t.deepEqual(members(addon.Doorbell), ['close', 'fd', 'ref', 'unref']);
  t.deepEqual(members(addon.Ring), [
    'abandon',
    'close',
    'drain',
    'hostStatus',
    'laneCount',
    'laneStatus',
    'locked',
    'memoryFd',
    'orderLanes',
    'submit',
  ]);
  t.deepEqual(members(addon.ThreadHost), ['stop']);
  t.deepEqual(members(addon.VerifyingKey), ['verify', 'verifyNow']);
});
