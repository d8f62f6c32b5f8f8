import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { endianness } from 'node:os';
import { type IpAddress, parseIpAddress } from '../../model/ip_address.ts';

/** States of the kernel's tables of connections: the owner of one that is about to end is not told, and reads as root. */
const ESTABLISHED = '01';
const NO_INODE = '0';
/** A table is read in pieces, and a row can slip through between two of them. */
const ATTEMPTS = 3;
const WORD_BYTES = 4;
const MAPPED_PREFIX = '00000000000000000000ffff';

/**
 * The user (uid) whose process is at the other end of a connection within this machine, as Linux has it in its tables. `undefined` where
 * it does not say: the peer is on another machine or in another network namespace, or has gone.
 */
export async function peerOwner(socket: Socket): Promise<number | undefined> {
  const own = endpoint(socket.localAddress, socket.localPort);
  const peer = endpoint(socket.remoteAddress, socket.remotePort);
  if (own === undefined || peer === undefined) return undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (const [table, form] of FORMS) {
      const [local, remote] = [form(peer), form(own)];
      const owner = local === undefined || remote === undefined ? undefined : await ownerIn(table, local, remote);
      if (owner !== undefined) return owner;
    }
  }
  return undefined;
}

interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

function endpoint(text: string | undefined, port: number | undefined): Endpoint | undefined {
  const address = text === undefined ? undefined : parseIpAddress(text);
  return address === undefined || port === undefined ? undefined : { address, port };
}

/** IPv4 has a table of its own, and a second way by sockets of IPv6 that speak IPv4. */
const FORMS: readonly [table: string, form: (endpoint: Endpoint) => string | undefined][] = [
  ['/proc/net/tcp', (each) => (each.address.family === 'ipv4' ? written(each, hex(each.address, 8)) : undefined)],
  [
    '/proc/net/tcp6',
    (each) =>
      each.address.family === 'ipv4'
        ? written(each, `${MAPPED_PREFIX}${hex(each.address, 8)}`)
        : written(each, hex(each.address, 32)),
  ],
];

function hex({ bits }: IpAddress, digits: number): string {
  return bits.toString(16).padStart(digits, '0');
}

/** As the kernel prints it: words of four bytes in the order of the processor. */
function written({ port }: Endpoint, digits: string): string {
  const bytes = Buffer.from(digits, 'hex');
  if (endianness() === 'LE') {
    for (let at = 0; at < bytes.length; at += WORD_BYTES) bytes.subarray(at, at + WORD_BYTES).reverse();
  }
  return `${bytes.toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

async function ownerIn(table: string, local: string, remote: string): Promise<number | undefined> {
  const text = await readFile(table, 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    if (!line.includes(local)) continue;
    const [, from, to, state, , , , uid, , inode] = line.trim().split(/\s+/);
    if (from === local && to === remote && state === ESTABLISHED && inode !== NO_INODE) return Number(uid);
  }
  return undefined;
}
