import { setTimeout as pause } from 'node:timers/promises';
import { StrongroomError } from '../model/errors.ts';
import { custodianOf, readCertificate } from '../security_domain/custodian.ts';
import { openDomain, packForRecovery } from '../security_domain/security_domain.ts';
import type { SettingOptions } from './read_settings.ts';
import { readCustodianKeys, readDomainFile } from './security_domain.ts';
import { ServiceClient } from './service_client.ts';
import { ServiceRefusal } from './service_refusal.ts';

export interface UploadOptions extends SettingOptions {
  readonly file: string;
  readonly key: readonly string[];
}

const POLL_MS = 1_000;
const POLLS = 150;

/** Recovery over the network: custodians open the domain here, for the transfer key of a server that is not active yet. */
export async function uploadSecurityDomain(options: UploadOptions): Promise<number> {
  const domain = await readDomainFile(options.file);
  const keys = await readCustodianKeys(options.key);
  const client = await ServiceClient.open(options);
  const items = await openDomain(domain, keys);
  const { json } = await client.askPool('GET', '/securitydomain/upload');
  const recipient = custodianOf(readCertificate(certificateIn(json), 'transfer_key'), 'transfer_key');
  const value = JSON.stringify(await packForRecovery(items, recipient));
  await client.askPool('POST', '/securitydomain/upload', { value });
  for (let poll = 0; poll < POLLS; poll++) {
    const state = await stateAt(client);
    if (state.status === 'Success') {
      console.log('The HSM has the security domain now, and is active. Restore what was backed up of the other one.');
      return 0;
    }
    if (state.status === 'Failed') {
      console.error(`${state.status_details} The log of the server says why.`);
      return 1;
    }
    await pause(POLL_MS);
  }
  console.error('The recovery goes on for longer than expected: look at the log of the server.');
  return 1;
}

function certificateIn(json: unknown): string {
  const { transfer_key: key } = json as { readonly transfer_key?: { readonly x5c?: readonly unknown[] } };
  const [certificate] = key?.x5c ?? [];
  if (typeof certificate === 'string') return certificate;
  throw new StrongroomError('ServiceUnavailable', 'The server has given no transfer key.');
}

/** While its audit log changes its key, the server answers nothing. */
async function stateAt(client: ServiceClient): Promise<{ readonly status: string; readonly status_details: string }> {
  try {
    const { json } = await client.askPool('GET', '/securitydomain/upload/pending');
    return json as Awaited<ReturnType<typeof stateAt>>;
  } catch (error) {
    if (error instanceof ServiceRefusal && error.status === 503) return { status: 'InProgress', status_details: '' };
    throw error;
  }
}
