import { Agent } from 'node:https';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { Firewall } from '../../src/access/firewall.ts';
import { parseNetworkRules } from '../../src/access/network_rules_file.ts';
import { type Call, call } from './caller.ts';
import { DOMAIN, LOGIN_HOST, TENANT, TestServer } from './test_server.ts';

const PUBLIC = 'Client address is not authorized and caller is not a trusted service.\r\nClient address: ';
const PRIVATE =
  'Public network access is disabled and request is not from a trusted service nor via an approved private link.';

/** Rules that a test may replace, as those of a file may be. */
const firewall = { current: rules({}), close: () => undefined };
const address = (host: string) => ({ host, port: 0, mayBeAbsent: false });
const server = await TestServer.open(undefined, {
  addresses: [address('127.0.0.1'), address('::')],
  privateAddresses: [address('127.0.0.1')],
  firewall,
});
const [ipv4, dual, linked] = server.server.addresses as [AddressInfo, AddressInfo, AddressInfo];
test.after.always(() => server.server.close());
test.beforeEach(() => {
  server.audit.taken();
  server.engine.requests.splice(0);
});

function rules(content: object): Firewall {
  return new Firewall(parseNetworkRules(JSON.stringify(content)));
}

/** Denies all others. */
function denying(...ipRules: string[]): object {
  return { networkAcls: { defaultAction: 'Deny', ipRules: ipRules.map((value) => ({ value })) } };
}

const ROWS: readonly [what: string, content: object, from: Call, status: number, way: string][] = [
  ['without rules', {}, { at: ipv4 }, 200, 'conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=Ipv4;'],
  [
    'with a rule for it',
    denying('127.0.0.2'),
    { at: ipv4, from: '127.0.0.2' },
    200,
    'conn_type=Ipv4;addr=127.0.0.2;act_addr_fam=Ipv4;',
  ],
  [
    'with a rule for another one',
    denying('127.0.0.2'),
    { at: ipv4 },
    403,
    'conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=Ipv4;',
  ],
  [
    'with a rule for its range',
    denying('127.0.0.0/30'),
    { at: ipv4, from: '127.0.0.3' },
    200,
    'conn_type=Ipv4;addr=127.0.0.3;act_addr_fam=Ipv4;',
  ],
  [
    'outside of the range',
    denying('127.0.0.0/30'),
    { at: ipv4, from: '127.0.0.4' },
    403,
    'conn_type=Ipv4;addr=127.0.0.4;act_addr_fam=Ipv4;',
  ],
  [
    'over IPv6 with a rule for it',
    denying('::1'),
    { at: dual, to: '::1' },
    200,
    'conn_type=Ipv6;addr=::1;act_addr_fam=Ipv6;',
  ],
  [
    'over IPv6 with a rule for IPv4',
    denying('127.0.0.0/8'),
    { at: dual, to: '::1' },
    403,
    'conn_type=Ipv6;addr=::1;act_addr_fam=Ipv6;',
  ],
  [
    'mapped, with a rule for IPv4',
    denying('127.0.0.2'),
    { at: dual, to: '127.0.0.1', from: '127.0.0.2' },
    200,
    'conn_type=Ipv4;addr=127.0.0.2;act_addr_fam=Ipv6;',
  ],
  [
    'mapped, with a rule for all of IPv6',
    denying('::/0'),
    { at: dual, to: '127.0.0.1' },
    403,
    'conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=Ipv6;',
  ],
  [
    'through a private endpoint',
    denying(),
    { at: linked },
    200,
    'conn_type=PrivateLink;addr=127.0.0.1;act_addr_fam=Ipv4;',
  ],
  [
    'through a private endpoint without public access',
    { publicNetworkAccess: 'Disabled' },
    { at: linked },
    200,
    'conn_type=PrivateLink;addr=127.0.0.1;act_addr_fam=Ipv4;',
  ],
  [
    'without public access',
    { publicNetworkAccess: 'Disabled' },
    { at: ipv4 },
    403,
    'conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=Ipv4;',
  ],
  [
    'in a network that this machine is in',
    {
      networkAcls: { defaultAction: 'Deny', virtualNetworkRules: [{ id: 'rack/1' }] },
      virtualNetworks: { 'rack/1': { localAddresses: ['127.0.0.1'] } },
    },
    { at: ipv4 },
    200,
    'conn_type=Subnet;subnet=rack/1;addr=127.0.0.1;act_addr_fam=Ipv4;',
  ],
];

for (const [what, content, from, status, way] of ROWS) {
  test.serial(`a caller is ${status === 200 ? 'let in' : 'turned away'}: ${what}`, async (t) => {
    firewall.current = rules(content);
    const reply = await call(server, from);
    t.is(reply.status, status);
    t.is(reply.headers['x-ms-keyvault-network-info'], way);
    t.is(server.engine.requests.length, status === 200 ? 1 : 0);
  });
}

test.serial('a refusal says which address was seen, in the words of Azure, and nothing of the rules', async (t) => {
  firewall.current = rules(denying('198.51.100.77'));
  const { json, text, headers } = await call(server, { from: '127.0.0.9' });
  t.is(json.error?.code, 'Forbidden');
  t.is(json.error?.innererror?.code, 'ForbiddenByFirewall');
  t.is(json.error?.message, `${PUBLIC}127.0.0.9 (Activity ID: ${headers['x-ms-request-id']})`);
  t.false(text.includes('198.51'));
  firewall.current = rules({ publicNetworkAccess: 'Disabled', ...denying('127.0.0.0/8') });
  const closed = await call(server);
  t.is(closed.json.error?.innererror?.code, 'ForbiddenByConnection');
  t.is(closed.json.error?.message, `${PRIVATE} (Activity ID: ${closed.headers['x-ms-request-id']})`);
});

test.serial('a caller without an access token gets its challenge from everywhere, before the firewall', async (t) => {
  firewall.current = rules(denying());
  const { status, headers } = await call(server, { accessToken: null });
  t.is(status, 401);
  t.regex(String(headers['www-authenticate']), /^Bearer authorization=/);
});

test.serial('from outside it is not told whether an access token is good, or a path leads somewhere', async (t) => {
  const strip = (text: string) => text.replace(/Activity ID: [^)]+/, '');
  for (const content of [denying(), { ...denying(), trustedServices: ['00000000-0000-4000-8000-000000000000'] }]) {
    firewall.current = rules(content);
    const good = await call(server);
    for (const other of [
      { accessToken: 'nonsense' },
      { accessToken: `${await server.accessToken()}x` },
      { path: '/nowhere' },
      { path: '/keys/k1' },
      { method: 'POST', path: '/keys/k1/sign?api-version=7.6', body: 'no JSON' },
      { host: 'elsewhere.example' },
    ]) {
      const reply = await call(server, other);
      t.is(reply.status, 403, JSON.stringify(other));
      t.is(strip(reply.text), strip(good.text));
    }
  }
});

const FORGED: Record<string, string>[] = [
  { 'x-forwarded-for': '127.0.0.2' },
  { 'x-forwarded-for': '127.0.0.2, 127.0.0.2' },
  { forwarded: 'for=127.0.0.2;proto=https' },
  { 'x-real-ip': '127.0.0.2' },
  { 'x-client-ip': '127.0.0.2', 'x-azure-clientip': '127.0.0.2' },
  { 'true-client-ip': '127.0.0.2', 'cf-connecting-ip': '127.0.0.2' },
  { via: '1.1 127.0.0.2', 'x-forwarded-host': '127.0.0.2' },
];

for (const headers of FORGED) {
  test.serial(`${JSON.stringify(headers)} changes nothing`, async (t) => {
    firewall.current = rules(denying('127.0.0.2'));
    const refused = await call(server, { headers });
    t.is(refused.status, 403);
    t.true(refused.json.error?.message.includes('Client address: 127.0.0.1 '));
    firewall.current = rules(denying('127.0.0.1'));
    t.is((await call(server, { headers })).status, 200);
    t.is(server.audit.taken().at(-1)?.callerAddress, '127.0.0.1');
  });
}

test.serial('the issuer and the readiness of the server answer from everywhere', async (t) => {
  firewall.current = rules({ publicNetworkAccess: 'Disabled', ...denying() });
  const login = { host: LOGIN_HOST, accessToken: null };
  const path = `/${TENANT}/v2.0/.well-known/openid-configuration`;
  t.is((await call(server, { ...login, path })).status, 200);
  t.is((await call(server, { accessToken: null, path: '/health/ready' })).status, 200);
});

async function objectIdOf(token: string): Promise<string> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')).oid;
}

test.serial('a trusted service is let in from everywhere, by a real access token, and by nothing less', async (t) => {
  const token = await server.accessToken();
  const trustedServices = [await objectIdOf(token)];
  const other = ['00000000-0000-4000-8000-000000000000'];
  const closed = { publicNetworkAccess: 'Disabled' };
  const bypass = (value: string) => ({ networkAcls: { defaultAction: 'Deny', bypass: value } });
  for (const [content, status] of [
    [{ ...denying(), trustedServices }, 200],
    [{ ...bypass('AzureServices'), trustedServices }, 200],
    [{ ...closed, trustedServices }, 200],
    [{ ...closed, ...bypass('AzureServices'), trustedServices: [...other, ...trustedServices] }, 200],
    [{ ...bypass('None'), trustedServices }, 403],
    [{ ...closed, ...bypass('None'), trustedServices }, 403],
    [{ ...denying(), trustedServices: other }, 403],
    [{ ...denying(), trustedServices: [] }, 403],
  ] as const) {
    firewall.current = rules(content);
    t.is((await call(server)).status, status, JSON.stringify(content));
  }
  firewall.current = rules({ ...denying(), trustedServices });
  const [header, claims, signature = ''] = token.split('.');
  const forged = `${header}.${claims}.${signature.slice(0, -4)}AAAA`;
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
  const foreign = await server.newAccessToken(`https://other.${DOMAIN}`).catch(() => 'none is given');
  for (const accessToken of [forged, unsigned, foreign, `${header}.${claims}`, '']) {
    const { status } = await call(server, { accessToken });
    t.is(status, accessToken === '' ? 401 : 403, accessToken);
  }
});

test.serial('roles are asked of a trusted service too', async (t) => {
  const stranger = await TestServer.open(() => [], { firewall });
  t.teardown(() => stranger.server.close());
  firewall.current = rules({ ...denying(), trustedServices: [await objectIdOf(await stranger.accessToken())] });
  const { status, json } = await call(stranger);
  t.is(status, 403);
  t.is(json.error?.code, 'AccessDenied');
});

test.serial('requests that were turned away are on record, with the address and what was asked for', async (t) => {
  firewall.current = rules({
    ...denying('127.0.0.3'),
    virtualNetworks: { rack: { localAddresses: ['127.0.0.1'], sources: ['127.0.0.7'] } },
  });
  await call(server, { from: '127.0.0.7', path: '/keys/k1/sign?api-version=7.6', method: 'POST', body: '{}' });
  await call(server, { from: '127.0.0.8', path: '/nowhere' });
  await call(server, { from: '127.0.0.3' });
  await call(server, { at: linked });
  const events = server.audit.taken();
  const shown = events.map(({ operation, result, innerCode, callerAddress, addressAuthorization, virtualNetwork }) =>
    [operation, result, innerCode, callerAddress, addressAuthorization, virtualNetwork].join(),
  );
  t.deepEqual(shown, [
    'KeySign,Forbidden,ForbiddenByFirewall,127.0.0.7,,rack',
    'InvalidRequest,Forbidden,ForbiddenByFirewall,127.0.0.8,,',
    'KeyGet,Success,,127.0.0.3,PublicIP,',
    'KeyGet,Success,,127.0.0.1,PrivateLink,',
  ]);
  t.is(events[0]?.principal, undefined, 'nobody has looked at the access token');
  t.is(events[0]?.keyName, 'k1');
});

test.serial('whose access token was looked at is on record with a name', async (t) => {
  const objectId = await objectIdOf(await server.accessToken());
  const other = '00000000-0000-4000-8000-000000000000';
  for (const [trusted, authorization] of [
    [other, undefined],
    [objectId, 'TrustedService'],
  ] as const) {
    firewall.current = rules({ publicNetworkAccess: 'Disabled', trustedServices: [trusted] });
    await call(server);
    const [event] = server.audit.taken();
    t.is(event?.principal?.objectId, objectId);
    t.is(event?.addressAuthorization, authorization);
    t.is(event?.innerCode, authorization === undefined ? 'ForbiddenByConnection' : undefined);
  }
});

test.serial('every request of a connection is judged by the rules that hold then', async (t) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const connections = new Set<unknown>();
  agent.on('free', (socket) => connections.add(socket));
  for (const [content, status] of [
    [denying('127.0.0.1'), 200],
    [denying('127.0.0.2'), 403],
    [{ publicNetworkAccess: 'Disabled' }, 403],
    [denying('127.0.0.0/8'), 200],
    [denying(), 403],
    [{}, 200],
  ] as const) {
    firewall.current = rules(content);
    t.is((await call(server, { agent })).status, status);
  }
  t.is(connections.size, 1);
});
