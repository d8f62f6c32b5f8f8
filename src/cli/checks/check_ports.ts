import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { json as readJson } from 'node:stream/consumers';
import { dataDirectory } from '../../config/data_directory.ts';
import { readClientEnvironment } from '../../config/environment_file.ts';
import { hostNames } from '../../config/host_names.ts';
import type { ListenAddress } from '../../config/setting.ts';
import type { Configuration } from '../../config/settings.ts';
import { bad, doubtful, type Finding, good } from './finding.ts';

const ANSWER_TIMEOUT_MS = 3_000;

/** Whether each address is free to listen on, or has this very server behind it. */
export async function checkPorts(configuration: Configuration): Promise<Finding[]> {
  const { listen, network } = configuration;
  const asked = [...listen, ...network.privateListen].map((address) => checkPort(configuration, address, false));
  return Promise.all([...asked, ...network.proxyListen.map((address) => checkPort(configuration, address, true))]);
}

async function checkPort(
  configuration: Configuration,
  address: ListenAddress,
  isForProxies: boolean,
): Promise<Finding> {
  const shown = address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
  const code = await listenError(address);
  if (code === undefined) return good('ports', `${shown} is free`);
  if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') {
    if (address.mayBeAbsent)
      return doubtful('ports', `${shown} does not exist here`, 'Nothing, unless clients need IPv6.');
    return bad('ports', `${shown} is no address of this machine`, 'Listen on one that is: --listen HOST:PORT');
  }
  if (code === 'EACCES')
    return bad('ports', `${shown} may not be listened on`, 'Listen on a port above 1023: --listen HOST:PORT');
  if (code !== 'EADDRINUSE')
    return bad('ports', `${shown} cannot be listened on (${code})`, 'Listen elsewhere: --listen HOST:PORT');
  // Nobody but a proxy gets an answer there.
  if (isForProxies)
    return doubtful('ports', `${shown} is in use`, 'Nothing while this Strongroom runs; else stop what uses it.');
  const answer = await askReadiness(configuration, address);
  if (answer === undefined) {
    return bad(
      'ports',
      `${shown} is in use by another program`,
      `Stop it (ss -ltnp 'sport = :${address.port}'), or listen elsewhere: --listen HOST:PORT`,
    );
  }
  if (answer.status === 200) {
    const state = ACTIVATIONS[answer.activation ?? ''] ?? 'ready';
    return good('ports', `${shown} is served by this Strongroom, which is ${state}`);
  }
  return doubtful(
    'ports',
    `${shown} is served by this Strongroom, which is not ready`,
    'Look at the log of the server.',
  );
}

/** The code of the system's refusal; `undefined` when there is none. */
function listenError({ host, port }: ListenAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}

const ACTIVATIONS: Readonly<Record<string, string>> = {
  NotActivated: 'ready, and waits for its security domain to be downloaded or uploaded',
  Restoring: 'ready, and is being restored',
};

interface ReadinessAnswer {
  readonly status: number | undefined;
  readonly activation: string | undefined;
}

/** The readiness answer, when it comes from a server with a certificate of ours. */
async function askReadiness(
  configuration: Configuration,
  { host, port }: ListenAddress,
): Promise<ReadinessAnswer | undefined> {
  const { pool } = hostNames(configuration);
  const environment = await readClientEnvironment(dataDirectory(configuration.dataDir)).catch(() => undefined);
  const authority = environment?.NODE_EXTRA_CA_CERTS;
  const ca = authority === undefined ? undefined : await readFile(authority).catch(() => undefined);
  return new Promise((resolve) => {
    const options = { host, port, servername: pool, ca, path: '/health/ready', headers: { host: `${pool}:${port}` } };
    const asked = request({ ...options, timeout: ANSWER_TIMEOUT_MS, agent: false }, (response) => {
      readJson(response).then(
        (body) => resolve({ status: response.statusCode, activation: (body as { activation?: string }).activation }),
        () => resolve({ status: response.statusCode, activation: undefined }),
      );
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}
