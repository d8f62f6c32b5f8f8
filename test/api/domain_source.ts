import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { type Custodian, custodianOf, readCertificate } from '../../src/security_domain/custodian.ts';
import { parseDomainFile } from '../../src/security_domain/domain_format.ts';
import { openDomain, packForRecovery } from '../../src/security_domain/security_domain.ts';
import { certificateJwk } from '../security_domain/certificate_jwk.ts';
import { newCustodian } from '../security_domain/custodians.ts';
import { RunningServer } from './running_server.ts';

/** Of an HSM that waits for its security domain. */
export const WAITS = { STRONGROOM_SECURITY_DOMAIN_AUTO_ACTIVATE: 'false' };

const people = ['anna', 'ben', 'carla'].map((name) => newCustodian(name));
const certificates = people.map(({ certificate }) => certificateJwk(certificate));
const DIGEST = Buffer.alloc(32, 7).toString('base64url');

/** An HSM that is gone: its domain, and a backup of a key that it had, are all that is left. */
export class DomainSource {
  readonly #domain: string;
  readonly #backup: unknown;
  readonly #signature: unknown;

  private constructor(domain: string, backup: unknown, signature: unknown) {
    this.#domain = domain;
    this.#backup = backup;
    this.#signature = signature;
  }

  static async make(): Promise<DomainSource> {
    const server = await RunningServer.start(WAITS);
    try {
      const { json } = await server.post('/securitydomain/download', { certificates, required: 2 });
      await server.post('/keys/invoices/create', { kty: 'EC', crv: 'P-256' });
      const signed = await server.post('/keys/invoices/sign', { alg: 'ES256', value: DIGEST });
      const backup = await server.post('/keys/invoices/backup', {});
      return new DomainSource(String(json.value), backup.json.value, signed.json.value);
    } finally {
      await server.remove();
    }
  }

  /** What two custodians make of the domain for the transfer key of this server. */
  async blobFor(server: RunningServer): Promise<string> {
    return this.packFor(await transferKeyOf(server));
  }

  async packFor(recipient: Custodian): Promise<string> {
    const keys = people.slice(1).map(({ key }) => key);
    const items = await openDomain(parseDomainFile(this.#domain), keys);
    return JSON.stringify(await packForRecovery(items, recipient));
  }

  /** The server is of this domain: a key from there is one here. */
  async isDomainOf(server: RunningServer): Promise<boolean> {
    const restored = await server.post('/keys/restore', { value: this.#backup });
    if (restored.status !== 200) return false;
    const { json } = await server.post('/keys/invoices/verify', {
      alg: 'ES256',
      digest: DIGEST,
      value: this.#signature,
    });
    return json.value === true;
  }
}

export async function transferKeyOf(server: RunningServer): Promise<Custodian> {
  const { json, status } = await server.get('/securitydomain/upload');
  if (status !== 200) throw new Error(JSON.stringify(json));
  const { x5c } = json.transfer_key as { x5c: string[] };
  return custodianOf(readCertificate(String(x5c[0]), 'x5c'), 'x5c');
}

/** Waits for it. While the audit log changes its key, nobody is told anything. */
export async function uploadEnd(server: RunningServer): Promise<unknown> {
  for (;;) {
    const { status, json } = await server.get('/securitydomain/upload/pending');
    if (status === 200 && json.status !== 'InProgress') return json.status;
    if (status !== 200 && status !== 503) throw new Error(JSON.stringify(json));
    await pause(100);
  }
}

/** Whether the store of the server, in its directory, has taken a recovery. */
export function isTaken(dataDir: string): boolean {
  const database = new DatabaseSync(join(dataDir, 'strongroom.sqlite'), { readOnly: true });
  try {
    return database.prepare(`SELECT 1 FROM document WHERE collection = 'security_domain'`).get() !== undefined;
  } finally {
    database.close();
  }
}
