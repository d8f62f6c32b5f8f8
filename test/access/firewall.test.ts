import test from 'ava';
import type { ConnectionOrigin } from '../../src/access/connection_origin.ts';
import { Firewall, type NetworkCriterion } from '../../src/access/firewall.ts';
import { parseNetworkRules } from '../../src/access/network_rules_file.ts';
import { type IpAddress, parseIpAddress, withoutMapping } from '../../src/model/ip_address.ts';

const SERVICE = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';

type Acls = Record<string, unknown>;

const ip = (...values: string[]): Acls => ({ defaultAction: 'Deny', ipRules: values.map((value) => ({ value })) });
const networks = (...ids: string[]): Acls => ({
  defaultAction: 'Deny',
  virtualNetworkRules: ids.map((id) => ({ id })),
});

/** Two offices with the same private addresses behind proxies of their own, a network that this machine is in, and one that is both. */
const VIRTUAL_NETWORKS = {
  north: { proxies: ['192.0.2.1'], sources: ['10.0.0.0/8'] },
  south: { proxies: ['192.0.2.2', '2001:db8:2::/64'], sources: ['10.0.0.0/8', 'fd00::/8'] },
  anywhere: { proxies: ['192.0.2.3'] },
  here: { localAddresses: ['172.16.0.5', 'fd00:1::5'] },
  some: { localAddresses: ['172.16.0.6'], sources: ['172.16.0.0/24'] },
  both: { localAddresses: ['172.16.0.7'], proxies: ['192.0.2.7'] },
};

interface From {
  readonly address?: string;
  readonly proxy?: string;
  readonly local?: string;
  readonly entrance?: ConnectionOrigin['entrance'];
}

const address = (text: string | undefined): IpAddress | undefined => {
  const parsed = text === undefined ? undefined : parseIpAddress(text);
  return parsed === undefined ? undefined : withoutMapping(parsed);
};

function originOf(from: From): ConnectionOrigin {
  return {
    entrance: from.entrance ?? 'public',
    address: address(from.address),
    proxy: address(from.proxy),
    localAddress: address(from.local),
    socketFamily: 'ipv4',
  };
}

function firewallOf(networkAcls: Acls | undefined, publicNetworkAccess?: string): Firewall {
  return new Firewall(
    parseNetworkRules(
      JSON.stringify({
        publicNetworkAccess,
        networkAcls,
        virtualNetworks: VIRTUAL_NETWORKS,
        trustedServices: [SERVICE.toUpperCase()],
      }),
    ),
  );
}

type Row = readonly [what: string, acls: Acls | undefined, from: From, criterion: NetworkCriterion | undefined];

const DENY: Acls = { defaultAction: 'Deny' };
const ALLOW: Acls = { defaultAction: 'Allow' };
const RANGE = ip('203.0.113.0/24');
const ONE = ip('203.0.113.7');
const SIX = ip('2001:db8::/32');

const ROWS: readonly Row[] = [
  // Defaults
  ['without rules', undefined, { address: '203.0.113.7' }, 'allNetworks'],
  ['without rules, over IPv6', undefined, { address: '2001:db8::1' }, 'allNetworks'],
  ['without rules, from this machine', undefined, { address: '127.0.0.1' }, 'allNetworks'],
  ['without rules, by a proxy', undefined, { address: '10.1.1.1', proxy: '192.0.2.1' }, 'allNetworks'],
  ['without rules, from nowhere', undefined, {}, 'allNetworks'],
  ['with Allow', ALLOW, { address: '203.0.113.7' }, 'allNetworks'],
  ['with Allow and rules for others', { ...ONE, ...ALLOW }, { address: '198.51.100.1' }, 'allNetworks'],
  ['with Deny and nothing else', DENY, { address: '203.0.113.7' }, undefined],
  ['with Deny, from this machine', DENY, { address: '127.0.0.1' }, undefined],
  ['with Deny, from this machine over IPv6', DENY, { address: '::1' }, undefined],
  ['with Deny, from nowhere', DENY, {}, undefined],
  // IP rules
  ['with the very address', ONE, { address: '203.0.113.7' }, 'ipRule'],
  ['with the address before', ONE, { address: '203.0.113.6' }, undefined],
  ['with the address behind', ONE, { address: '203.0.113.8' }, undefined],
  ['with the first of a range', RANGE, { address: '203.0.113.0' }, 'ipRule'],
  ['with the last of a range', RANGE, { address: '203.0.113.255' }, 'ipRule'],
  ['with the one before a range', RANGE, { address: '203.0.112.255' }, undefined],
  ['with the one behind a range', RANGE, { address: '203.0.114.0' }, undefined],
  ['within /31', ip('203.0.113.6/31'), { address: '203.0.113.7' }, 'ipRule'],
  ['behind /31', ip('203.0.113.6/31'), { address: '203.0.113.8' }, undefined],
  ['within /1', ip('128.0.0.0/1'), { address: '203.0.113.7' }, 'ipRule'],
  ['outside of /1', ip('128.0.0.0/1'), { address: '127.255.255.255' }, undefined],
  ['within /0 of IPv4', ip('0.0.0.0/0'), { address: '203.0.113.7' }, 'ipRule'],
  ['within /0 of IPv4, over IPv6', ip('0.0.0.0/0'), { address: '2001:db8::1' }, undefined],
  ['within /0 of IPv6', ip('::/0'), { address: '2001:db8::1' }, 'ipRule'],
  ['within /0 of IPv6, over IPv4', ip('::/0'), { address: '203.0.113.7' }, undefined],
  ['within /0 of IPv6, over IPv4 on a socket of IPv6', ip('::/0'), { address: '::ffff:203.0.113.7' }, undefined],
  ['within /80 of IPv6 around the mapped ones', ip('::/80'), { address: '::ffff:203.0.113.7' }, undefined],
  ['within a range of IPv6', SIX, { address: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff' }, 'ipRule'],
  ['before a range of IPv6', SIX, { address: '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff' }, undefined],
  ['behind a range of IPv6', SIX, { address: '2001:db9::' }, undefined],
  ['within /65 of IPv6', ip('2001:db8:0:0:8000::/65'), { address: '2001:db8::8000:0:0:1' }, 'ipRule'],
  ['outside of /65 of IPv6', ip('2001:db8:0:0:8000::/65'), { address: '2001:db8::7fff:0:0:1' }, undefined],
  ['with the very address of IPv6', ip('2001:db8::1'), { address: '2001:db8::1' }, 'ipRule'],
  ['with another spelling of it', ip('2001:DB8:0::0001'), { address: '2001:db8:0:0:0:0:0:1' }, 'ipRule'],
  ['with the one behind it', ip('2001:db8::1'), { address: '2001:db8::2' }, undefined],
  ['with the second of several rules', ip('198.51.100.0/24', '203.0.113.0/24'), { address: '203.0.113.7' }, 'ipRule'],
  ['between several rules', ip('198.51.100.0/24', '203.0.113.0/24'), { address: '200.0.0.1' }, undefined],
  ['with a rule of each family, IPv4', ip('2001:db8::/32', '203.0.113.7'), { address: '203.0.113.7' }, 'ipRule'],
  ['with a rule of each family, IPv6', ip('2001:db8::/32', '203.0.113.7'), { address: '2001:db8::7' }, 'ipRule'],
  ['with a rule that stands twice', ip('203.0.113.7', '203.0.113.7'), { address: '203.0.113.7' }, 'ipRule'],
  ['with an empty list of rules', ip(), { address: '203.0.113.7' }, undefined],
  // IPv4 on sockets of IPv6
  ['mapped', ONE, { address: '::ffff:203.0.113.7' }, 'ipRule'],
  ['mapped, in hexadecimal', ONE, { address: '::ffff:cb00:7107' }, 'ipRule'],
  ['mapped, in capitals', ONE, { address: '::FFFF:203.0.113.7' }, 'ipRule'],
  ['mapped, written out', ONE, { address: '0:0:0:0:0:ffff:cb00:7107' }, 'ipRule'],
  ['mapped, another one', ONE, { address: '::ffff:203.0.113.8' }, undefined],
  ['embedded without mapping', ONE, { address: '::203.0.113.7' }, undefined],
  ['translated (NAT64)', ONE, { address: '64:ff9b::203.0.113.7' }, undefined],
  ['6to4', ONE, { address: '2002:cb00:7107::1' }, undefined],
  // What is no address
  ['with zeros in front', ip('8.0.0.1'), { address: '010.0.0.1' }, undefined],
  ['with zeros in front, read as decimal', ip('10.0.0.1'), { address: '010.0.0.1' }, undefined],
  ['as a number', ip('127.0.0.1'), { address: '2130706433' }, undefined],
  ['as a short form', ip('127.0.0.1'), { address: '127.1' }, undefined],
  ['in hexadecimal', ip('127.0.0.1'), { address: '0x7f.0.0.1' }, undefined],
  ['with a blank', ONE, { address: ' 203.0.113.7' }, undefined],
  ['with a port', ONE, { address: '203.0.113.7:443' }, undefined],
  ['as a list', ONE, { address: '203.0.113.7, 198.51.100.1' }, undefined],
  ['as a name', ip('127.0.0.1'), { address: 'localhost' }, undefined],
  // Virtual networks behind proxies
  ['in an allowed network', networks('north'), { address: '10.1.1.1', proxy: '192.0.2.1' }, 'virtualNetwork'],
  [
    'in another network with the same addresses',
    networks('north'),
    { address: '10.1.1.1', proxy: '192.0.2.2' },
    undefined,
  ],
  [
    'with the proxy of the network and foreign addresses',
    networks('north'),
    { address: '11.1.1.1', proxy: '192.0.2.1' },
    undefined,
  ],
  ['with the addresses of the network and no proxy', networks('north'), { address: '10.1.1.1' }, undefined],
  ['as the proxy itself', networks('north'), { address: '192.0.2.1' }, undefined],
  ['by a proxy of no network', networks('north'), { address: '10.1.1.1', proxy: '192.0.2.99' }, undefined],
  ['in a network that is not allowed', networks(), { address: '10.1.1.1', proxy: '192.0.2.1' }, undefined],
  [
    'in the second of several',
    networks('north', 'south'),
    { address: '10.1.1.1', proxy: '192.0.2.2' },
    'virtualNetwork',
  ],
  [
    'over IPv6 by a proxy of a range',
    networks('south'),
    { address: 'fd00::9', proxy: '2001:db8:2::77' },
    'virtualNetwork',
  ],
  ['by a proxy outside of the range', networks('south'), { address: 'fd00::9', proxy: '2001:db8:3::77' }, undefined],
  [
    'mapped, by a mapped proxy',
    networks('north'),
    { address: '::ffff:10.1.1.1', proxy: '::ffff:192.0.2.1' },
    'virtualNetwork',
  ],
  [
    'in a network without sources',
    networks('anywhere'),
    { address: '203.0.113.7', proxy: '192.0.2.3' },
    'virtualNetwork',
  ],
  ['from nowhere, in a network without sources', networks('anywhere'), { proxy: '192.0.2.3' }, 'virtualNetwork'],
  ['from nowhere, in a network with sources', networks('north'), { proxy: '192.0.2.1' }, undefined],
  ['by a proxy, with an IP rule for the caller', ONE, { address: '203.0.113.7', proxy: '192.0.2.1' }, 'ipRule'],
  [
    'by a proxy, with an IP rule for the proxy',
    ip('192.0.2.1'),
    { address: '203.0.113.7', proxy: '192.0.2.1' },
    undefined,
  ],
  // Virtual networks that this machine is in
  ['at an address of the network', networks('here'), { address: '172.16.0.9', local: '172.16.0.5' }, 'virtualNetwork'],
  ['at its address of IPv6', networks('here'), { address: 'fd00:1::9', local: 'fd00:1::5' }, 'virtualNetwork'],
  [
    'at a mapped address of it',
    networks('here'),
    { address: '172.16.0.9', local: '::ffff:172.16.0.5' },
    'virtualNetwork',
  ],
  ['at another address of this machine', networks('here'), { address: '172.16.0.9', local: '172.16.0.4' }, undefined],
  [
    'from the local address, arriving elsewhere',
    networks('here'),
    { address: '172.16.0.5', local: '10.0.0.1' },
    undefined,
  ],
  [
    'at the address, from its sources',
    networks('some'),
    { address: '172.16.0.9', local: '172.16.0.6' },
    'virtualNetwork',
  ],
  ['at the address, from elsewhere', networks('some'), { address: '172.16.1.9', local: '172.16.0.6' }, undefined],
  [
    'by a proxy that arrives at the address',
    networks('here'),
    { address: '10.1.1.1', proxy: '192.0.2.9', local: '172.16.0.5' },
    undefined,
  ],
  ['of both kinds, directly', networks('both'), { address: '203.0.113.7', local: '172.16.0.7' }, 'virtualNetwork'],
  ['of both kinds, by its proxy', networks('both'), { address: '203.0.113.7', proxy: '192.0.2.7' }, 'virtualNetwork'],
  ['of both kinds, neither way', networks('both'), { address: '203.0.113.7', local: '172.16.0.8' }, undefined],
  // Combinations
  [
    'with a rule of each kind, by address',
    { ...ONE, ...networks('north'), ...ONE },
    { address: '203.0.113.7' },
    'ipRule',
  ],
  [
    'with both holding, the network is named',
    { ...networks('anywhere'), ipRules: [{ value: '203.0.113.7' }] },
    { address: '203.0.113.7', proxy: '192.0.2.3' },
    'virtualNetwork',
  ],
  [
    'with both and none holding',
    { ...networks('north'), ipRules: [{ value: '203.0.113.7' }] },
    { address: '198.51.100.7' },
    undefined,
  ],
  ['without bypass, the rules stay', { ...ONE, bypass: 'None' }, { address: '203.0.113.7' }, 'ipRule'],
  // Private endpoints
  ['through a private endpoint', DENY, { address: '198.51.100.1', entrance: 'private' }, 'privateEndpoint'],
  ['through a private endpoint with Allow', ALLOW, { address: '198.51.100.1', entrance: 'private' }, 'privateEndpoint'],
  ['through a private endpoint, without rules', undefined, { address: '::1', entrance: 'private' }, 'privateEndpoint'],
  ['through a private endpoint, from nowhere', DENY, { entrance: 'private' }, 'privateEndpoint'],
  ['through a private endpoint, with a rule', ONE, { address: '203.0.113.7', entrance: 'private' }, 'privateEndpoint'],
];

for (const [what, acls, from, criterion] of ROWS) {
  const outcome = criterion === undefined ? 'nothing lets a caller in' : `${criterion} lets a caller in`;
  test(`${outcome}: ${what}`, (t) => t.is(firewallOf(acls).judge(originOf(from)).criterion, criterion));
}

for (const [what, acls, from] of ROWS) {
  const isPrivate = from.entrance === 'private';
  test(`with public access off, ${isPrivate ? 'the private endpoint lets in' : 'no rule lets in'}: ${what}`, (t) => {
    const { criterion } = firewallOf(acls, 'Disabled').judge(originOf(from));
    t.is(criterion, isPrivate ? 'privateEndpoint' : undefined);
  });
}

test('the table has at least eighty cases, each kind of outcome among them', (t) => {
  t.true(ROWS.length >= 80, String(ROWS.length));
  t.is(new Set(ROWS.map(([, , , criterion]) => criterion)).size, 5);
});

test('the network that a caller is in is told, let in for it or not', (t) => {
  const inNorth = originOf({ address: '10.1.1.1', proxy: '192.0.2.1' });
  t.is(firewallOf(DENY).judge(inNorth).virtualNetwork, 'north');
  t.is(firewallOf(ALLOW).judge(inNorth).virtualNetwork, 'north');
  t.is(firewallOf(networks('south')).judge(inNorth).virtualNetwork, 'north');
  t.is(firewallOf(DENY, 'Disabled').judge(inNorth).virtualNetwork, 'north');
  t.is(firewallOf(DENY).judge(originOf({ address: '10.1.1.1' })).virtualNetwork, undefined);
});

test('of two networks that a caller is in, the allowed one counts', (t) => {
  const virtualNetworks = { first: { proxies: ['192.0.2.1'] }, second: { proxies: ['192.0.2.0/24'] } };
  const origin = originOf({ address: '10.1.1.1', proxy: '192.0.2.1' });
  for (const id of ['first', 'second']) {
    const networkAcls = { defaultAction: 'Deny', virtualNetworkRules: [{ id }] };
    const firewall = new Firewall(parseNetworkRules(JSON.stringify({ networkAcls, virtualNetworks })));
    t.deepEqual(firewall.judge(origin), { criterion: 'virtualNetwork', virtualNetwork: id });
  }
});

test('services are trusted by object id alone, and only while the bypass is on', (t) => {
  const principal = { tenantId: SERVICE, applicationId: SERVICE, groups: [SERVICE], name: SERVICE };
  for (const acls of [undefined, DENY, { ...DENY, bypass: 'AzureServices' }]) {
    const firewall = firewallOf(acls);
    t.true(firewall.trustsServices);
    t.true(firewall.trusts({ ...principal, objectId: SERVICE }));
    t.false(firewall.trusts({ ...principal, objectId: '00000000-0000-4000-8000-000000000000' }));
  }
  t.true(firewallOf(DENY, 'Disabled').trusts({ ...principal, objectId: SERVICE }), 'public access has no part in it');
  const without = firewallOf({ ...DENY, bypass: 'None' });
  t.false(without.trustsServices);
  t.false(without.trusts({ ...principal, objectId: SERVICE }));
});

test('without a list nobody is a trusted service, whatever the bypass says', (t) => {
  const firewall = new Firewall(parseNetworkRules('{"networkAcls":{"defaultAction":"Deny","bypass":"AzureServices"}}'));
  t.false(firewall.trustsServices);
});
