import test from 'ava';
import { ALL_NETWORKS } from '../../src/access/network_rules.ts';
import { NetworkRulesError, parseNetworkRules } from '../../src/access/network_rules_file.ts';
import { LIMITS } from '../../src/model/limits.ts';

const OID = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
const NETWORK = { proxies: ['192.0.2.1'] };

function problemsOf(content: unknown): readonly { path: string; message: string }[] {
  try {
    parseNetworkRules(typeof content === 'string' ? content : JSON.stringify(content));
  } catch (error) {
    if (error instanceof NetworkRulesError) return error.problems;
    throw error;
  }
  return [];
}

test('rules that say nothing are Azure’s default', (t) => {
  t.deepEqual(parseNetworkRules('{}'), ALL_NETWORKS);
  t.like(parseNetworkRules('{"networkAcls":{"defaultAction":"Deny"}}'), {
    defaultAction: 'Deny',
    bypass: 'AzureServices',
  });
});

test('the networkAcls of a Managed HSM are taken as they are', (t) => {
  const rules = parseNetworkRules(
    JSON.stringify({
      publicNetworkAccess: 'Disabled',
      networkAcls: {
        bypass: 'None',
        defaultAction: 'Deny',
        ipRules: [{ value: '203.0.113.0/24' }, { value: '2001:DB8::1' }],
        virtualNetworkRules: [{ id: '/subscriptions/s/resourceGroups/rg(1)/subnets/a.b_c-d' }],
      },
      virtualNetworks: {
        '/subscriptions/s/resourceGroups/rg(1)/subnets/a.b_c-d': {
          proxies: ['192.0.2.0/28', '2001:db8::1'],
          localAddresses: ['::1'],
          sources: ['10.0.0.0/8'],
        },
      },
      trustedServices: [OID.toUpperCase()],
    }),
  );
  t.false(rules.isPublic);
  t.is(rules.bypass, 'None');
  t.deepEqual(
    rules.ipRules.map(({ text }) => text),
    ['203.0.113.0/24', '2001:db8::1'],
  );
  t.deepEqual(
    rules.virtualNetworkRules,
    rules.virtualNetworks.map(({ name }) => name),
  );
  t.deepEqual(
    rules.virtualNetworks[0]?.proxies.map(({ text }) => text),
    ['192.0.2.0/28', '2001:db8::1'],
  );
  t.deepEqual(
    rules.virtualNetworks[0]?.localAddresses.map(({ text }) => text),
    ['::1'],
  );
  t.deepEqual(
    rules.virtualNetworks[0]?.sources?.map(({ text }) => text),
    ['10.0.0.0/8'],
  );
  t.deepEqual(rules.trustedServices, [OID]);
});

const WRONG: readonly [what: string, content: unknown, path: string, message: RegExp][] = [
  ['no JSON', '{', 'file', /Expected JSON/],
  ['nothing', '', 'file', /Expected JSON/],
  ['a member twice', '{"networkAcls":{"defaultAction":"Deny","defaultAction":"Allow"}}', 'file', /stands twice/],
  ['a list', [], 'file', /Expected an object, received a list of 0/],
  ['null', null, 'file', /Expected an object, received null/],
  ['an unknown member', { ipRules: [] }, 'ipRules', /no such member/],
  [
    'an unknown member of the rules',
    { networkAcls: { defaultAction: 'Deny', serviceTags: [] } },
    'networkAcls.serviceTags',
    /no such member/,
  ],
  ['a member of every object', '{"__proto__":{}}', '__proto__', /no such member/],
  [
    'another access',
    { publicNetworkAccess: 'enabled' },
    'publicNetworkAccess',
    /Expected Enabled or Disabled, received "enabled"/,
  ],
  ['access that is null', { publicNetworkAccess: null }, 'publicNetworkAccess', /received null/],
  [
    'rules without a default action',
    { networkAcls: {} },
    'networkAcls.defaultAction',
    /Expected Allow or Deny, received nothing/,
  ],
  [
    'another default action',
    { networkAcls: { defaultAction: 'deny' } },
    'networkAcls.defaultAction',
    /Expected Allow or Deny/,
  ],
  [
    'another bypass',
    { networkAcls: { defaultAction: 'Deny', bypass: 'All' } },
    'networkAcls.bypass',
    /Expected AzureServices or None/,
  ],
  ['rules that are no object', { networkAcls: 'Deny' }, 'networkAcls', /Expected an object/],
  [
    'IP rules that are no list',
    { networkAcls: { defaultAction: 'Deny', ipRules: {} } },
    'networkAcls.ipRules',
    /Expected a list/,
  ],
  [
    'an IP rule that is a text',
    { networkAcls: { defaultAction: 'Deny', ipRules: ['1.2.3.4'] } },
    'networkAcls.ipRules[0]',
    /Expected an object/,
  ],
  [
    'an IP rule with an action',
    { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '1.2.3.4', action: 'Allow' }] } },
    'networkAcls.ipRules[0].action',
    /no such member/,
  ],
  [
    'an octal address',
    { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '010.0.0.1' }] } },
    'networkAcls.ipRules[0].value',
    /Expected an IPv4 or IPv6 address/,
  ],
  [
    'bits behind the prefix',
    { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '1.2.3.4' }, { value: '10.1.2.3/8' }] } },
    'networkAcls.ipRules[1].value',
    /Expected 10\.0\.0\.0\/8 \(no bits/,
  ],
  [
    'a mapped address',
    { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '::ffff:1.2.3.4' }] } },
    'networkAcls.ipRules[0].value',
    /Expected 1\.2\.3\.4 \(callers/,
  ],
  [
    'a network that is not there',
    { networkAcls: { defaultAction: 'Deny', virtualNetworkRules: [{ id: 'a' }] } },
    'networkAcls.virtualNetworkRules[0].id',
    /name of one of virtualNetworks, received "a"/,
  ],
  [
    'a network of the prototype',
    { networkAcls: { defaultAction: 'Deny', virtualNetworkRules: [{ id: 'constructor' }] } },
    'networkAcls.virtualNetworkRules[0].id',
    /name of one of/,
  ],
  ['networks that are a list', { virtualNetworks: [] }, 'virtualNetworks', /Expected an object/],
  [
    'a network that nothing tells from others',
    { virtualNetworks: { a: { sources: ['10.0.0.0/8'] } } },
    'virtualNetworks.a',
    /proxies or localAddresses/,
  ],
  [
    'a network with an unknown member',
    { virtualNetworks: { a: { ...NETWORK, interface: 'eth1' } } },
    'virtualNetworks.a.interface',
    /no such member/,
  ],
  [
    'a network with a name for a proxy',
    { virtualNetworks: { a: { proxies: ['proxy.example'] } } },
    'virtualNetworks.a.proxies[0]',
    /Expected an IPv4/,
  ],
  [
    'a range for an address of the machine',
    { virtualNetworks: { a: { localAddresses: ['10.0.0.0/8'] } } },
    'virtualNetworks.a.localAddresses[0]',
    /an address of this machine/,
  ],
  [
    'sources that are no addresses',
    { virtualNetworks: { a: { ...NETWORK, sources: ['*'] } } },
    'virtualNetworks.a.sources[0]',
    /Expected an IPv4/,
  ],
  ['a name with a line break', { virtualNetworks: { 'a\r\nb': NETWORK } }, 'virtualNetworks', /names of 1 to 256/],
  ['a name that would end a header', { virtualNetworks: { 'a;b': NETWORK } }, 'virtualNetworks', /names of 1 to 256/],
  ['an empty name', { virtualNetworks: { '': NETWORK } }, 'virtualNetworks', /names of 1 to 256/],
  ['a service that is a name', { trustedServices: ['backup'] }, 'trustedServices[0]', /object id/],
  ['services that are an object', { trustedServices: { a: OID } }, 'trustedServices', /Expected a list/],
  [
    'too many rules',
    { networkAcls: { defaultAction: 'Deny', ipRules: Array(LIMITS.ipRules + 1).fill({ value: '1.2.3.4' }) } },
    'networkAcls.ipRules',
    /at most 2000/,
  ],
  [
    'too many networks',
    { virtualNetworks: Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`n${index}`, NETWORK])) },
    'virtualNetworks',
    /at most 256/,
  ],
  [
    'too many sources',
    { virtualNetworks: { a: { ...NETWORK, sources: Array(257).fill('10.0.0.0/8') } } },
    'virtualNetworks.a.sources',
    /at most 256/,
  ],
  ['too many services', { trustedServices: Array(257).fill(OID) }, 'trustedServices', /at most 256/],
];

for (const [what, content, path, message] of WRONG) {
  test(`${what} is refused, and said where`, (t) => {
    const problems = problemsOf(content);
    t.deepEqual(
      problems.map((problem) => problem.path),
      [path],
    );
    t.regex(problems[0]?.message ?? '', message);
  });
}

test('everything that is wrong is said at once', (t) => {
  const content = {
    publicNetworkAccess: 1,
    networkAcls: { ipRules: [{ value: '10.0.0.1/8' }, { value: 'x' }], virtualNetworkRules: [{ id: 'a' }, {}] },
    virtualNetworks: { b: {} },
    trustedServices: [OID, 'x'],
    colour: 'red',
  };
  t.deepEqual(
    problemsOf(content)
      .map(({ path }) => path)
      .sort(),
    [
      'colour',
      'networkAcls.defaultAction',
      'networkAcls.ipRules[0].value',
      'networkAcls.ipRules[1].value',
      'networkAcls.virtualNetworkRules[0].id',
      'networkAcls.virtualNetworkRules[1].id',
      'publicNetworkAccess',
      'trustedServices[1]',
      'virtualNetworks.b',
    ],
  );
});

test('as many rules as are allowed are taken', (t) => {
  const value = (index: number) => `10.${index >> 8}.${index & 255}.0/24`;
  const ipRules = Array.from({ length: LIMITS.ipRules }, (_, index) => ({ value: value(index) }));
  const names = Array.from({ length: LIMITS.virtualNetworks }, (_, index) => `n${index}`);
  const network = { proxies: ['192.0.2.1'], localAddresses: ['192.0.2.2'], sources: ['10.0.0.0/8'] };
  const virtualNetworkRules = names.map((id) => ({ id }));
  const virtualNetworks = Object.fromEntries(names.map((name) => [name, network]));
  const networkAcls = { defaultAction: 'Deny', ipRules, virtualNetworkRules };
  t.deepEqual(
    problemsOf({ networkAcls, virtualNetworks, trustedServices: Array(LIMITS.trustedServices).fill(OID) }),
    [],
  );
});
