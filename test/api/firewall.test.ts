import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import test from 'ava';
import { freePort } from '../fixtures/free_port.ts';
import { connectThroughProxy, headerFor } from '../server/proxy_sender.ts';
import { type Answer, RunningServer } from './running_server.ts';

const NETWORKS = { virtualNetworks: { office: { proxies: ['127.0.0.1'], sources: ['10.0.0.0/8'] } } };
const denying = (...values: string[]): object => ({
  networkAcls: {
    defaultAction: 'Deny',
    virtualNetworkRules: [{ id: 'office' }],
    ipRules: values.map((value) => ({ value })),
  },
  ...NETWORKS,
});
const HOME = ['127.0.0.1', '::1'];

const directory = mkdtempSync(join(tmpdir(), 'strongroom-firewall-'));
const rulesFile = join(directory, 'rules.json');
const writeRules = (content: unknown): void => writeFileSync(rulesFile, JSON.stringify(content));
writeRules(denying());
const privatePort = await freePort();
const proxyPort = await freePort();
const server = await RunningServer.start({
  STRONGROOM_NETWORK_RULES_FILE: rulesFile,
  STRONGROOM_NETWORK_PRIVATE_LISTEN: `localhost:${privatePort}`,
  STRONGROOM_NETWORK_PROXY_LISTEN: `127.0.0.1:${proxyPort}`,
  STRONGROOM_NETWORK_TRUSTED_PROXIES: '127.0.0.1',
});
test.after.always(async () => {
  await server.remove();
  rmSync(directory, { recursive: true });
});

async function listKeys(port: number, agent: Agent | false = false): Promise<Answer> {
  const url = `https://demo.managedhsm.localhost:${port}/keys?api-version=2025-07-01`;
  return server.exchange(url, 'GET', { authorization: `Bearer ${await server.accessToken()}` }, undefined, agent);
}

/** The status of the same request through a proxy that speaks for this caller. */
async function listThroughProxy(source: readonly number[]): Promise<number> {
  const socket = await connectThroughProxy(proxyPort, headerFor(source), 'together');
  const host = `demo.managedhsm.localhost:${proxyPort}`;
  const ca = readFileSync(server.environment.NODE_EXTRA_CA_CERTS ?? '');
  const asked = request({
    path: '/keys?api-version=2025-07-01',
    headers: { host, authorization: `Bearer ${await server.accessToken()}` },
    createConnection: () => connect({ socket, ca, servername: 'demo.managedhsm.localhost' }),
  });
  return new Promise((resolve, reject) => {
    asked.on('error', reject);
    asked.on('response', (response) => resolve(response.resume().statusCode ?? 0));
    asked.end();
  });
}

/** Asks over one connection until the answer is this. The test's own time is the deadline. */
async function answersWith(status: number, agent: Agent): Promise<void> {
  while ((await listKeys(server.port, agent)).status !== status)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

test.serial(
  'a server that is configured so lets in who comes through a private link or a network, and nobody else',
  async (t) => {
    const refused = await listKeys(server.port);
    t.is(refused.status, 403);
    t.is(refused.json.error?.innererror?.code, 'ForbiddenByFirewall');
    const linked = await listKeys(privatePort);
    t.is(linked.status, 200);
    t.regex(String(linked.headers['x-ms-keyvault-network-info']), /^conn_type=PrivateLink;addr=/);
    t.is(await listThroughProxy([10, 1, 2, 3]), 200);
    t.is(await listThroughProxy([198, 51, 100, 1]), 403);
  },
);

test.serial('the audit log says who came from where, and what let them in', (t) => {
  const log = join(server.dataDir, 'audit');
  const lines = readdirSync(log)
    .filter((name) => name.endsWith('.jsonl') && !name.startsWith('heads'))
    .flatMap((name) => readFileSync(join(log, name), 'utf8').trim().split('\n'));
  const shown = lines
    .map((line) => JSON.parse(line))
    // The issuer is outside of the firewall.
    .filter(({ category, operationName }) => category === 'AuditEvent' && operationName !== 'AccessTokenIssue')
    .map(({ operationName, resultSignature, callerIpAddress, subnetId, properties }) =>
      [
        operationName,
        resultSignature,
        callerIpAddress.replace('::1', '127.0.0.1'),
        subnetId,
        properties.addrAuthType,
      ].join(),
    );
  t.deepEqual(shown, [
    'KeyList,ForbiddenByFirewall,127.0.0.1,(unknown),',
    'KeyList,,127.0.0.1,(unknown),PrivateLink',
    'KeyList,,10.1.2.3,office,Subnet',
    'KeyList,ForbiddenByFirewall,198.51.100.1,(unknown),',
  ]);
});

test.serial(
  'an unmodified Azure program is told why it is refused, and is served through a private link',
  async (t) => {
    const program = new URL('sdk_asking.mjs', import.meta.url).pathname;
    const askAt = async (port: number): Promise<Record<string, unknown>> => {
      const env = { ...server.environment, STRONGROOM_URL: `https://demo.managedhsm.localhost:${port}` };
      return JSON.parse((await promisify(execFile)(process.execPath, [program], { env })).stdout);
    };
    const refused = await askAt(server.port);
    t.like(refused, { statusCode: 403, code: 'Forbidden' });
    t.regex(
      String(refused.message),
      /^Client address is not authorized and caller is not a trusted service\.\r\nClient address: /,
    );
    t.like(await askAt(privatePort), { statusCode: 404, code: 'KeyNotFound' });
  },
);

test.serial('rules that change hold for connections that are open', async (t) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const connections = new Set<unknown>();
  agent.on('free', (socket) => connections.add(socket));
  await answersWith(403, agent);
  writeRules(denying(...HOME));
  await answersWith(200, agent);
  writeRules({ publicNetworkAccess: 'Disabled' });
  await answersWith(403, agent);
  writeRules(denying(...HOME));
  await answersWith(200, agent);
  t.is(connections.size, 1);
});

test.serial('rules that will not do change nothing, and the log says so', async (t) => {
  writeRules({ networkAcls: { defaultAction: 'Perhaps' } });
  // It may come in pieces.
  while (!server.output.includes('networkAcls.defaultAction: Expected Allow or Deny'))
    await new Promise((resolve) => setTimeout(resolve, 20));
  t.true(server.output.includes('the network rules will not do'));
  t.is((await listKeys(server.port)).status, 200);
  t.deepEqual(await server.stop(), { code: 0, signal: null });
  const error = await t.throwsAsync(server.restart());
  t.regex(error.message, /Ended with 78: [\s\S]*network\.rulesFile: networkAcls\.defaultAction/);
});
