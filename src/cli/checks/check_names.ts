import { lookup } from 'node:dns/promises';
import { hostNames } from '../../config/host_names.ts';
import type { Configuration } from '../../config/settings.ts';
import { bad, type Finding, good } from './finding.ts';

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1']);

/** Whether clients on this machine find the server by its names. */
export async function checkNames(configuration: Configuration): Promise<Finding[]> {
  const names = hostNames(configuration);
  const resolved = await Promise.all(
    [names.pool, names.login].map(async (name) => ({ name, addresses: await addressesOf(name) })),
  );
  const missing = resolved.filter(({ addresses }) => addresses.length === 0).map(({ name }) => name);
  const found = resolved.filter(({ addresses }) => addresses.length > 0);
  const findings: Finding[] = found.map(({ name, addresses }) => {
    const isLocal = name.endsWith('.localhost');
    if (!isLocal || addresses.every((address) => LOOPBACK.has(address)))
      return good('names', `${name} is ${addresses.join(', ')}`);
    return bad(
      'names',
      `${name} is ${addresses.join(', ')}, which is not this machine`,
      `Put into /etc/hosts: 127.0.0.1 ${name}`,
    );
  });
  if (missing.length > 0) {
    const debian = missing.every((name) => name.endsWith('.localhost'))
      ? ' (or on Debian: apt install libnss-myhostname)'
      : '';
    const remedy = `Put into /etc/hosts: 127.0.0.1 ${missing.join(' ')}${debian}`;
    findings.push(bad('names', `${missing.join(' and ')} cannot be resolved`, remedy));
  }
  return findings;
}

async function addressesOf(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}
