import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { DataDirectory } from '../config/data_directory.ts';
import { writePrivateFile } from '../config/private_file.ts';
import type { Configuration } from '../config/settings.ts';
import { hasOwnTokens } from '../config/token_settings.ts';
import { type Custodian, custodianOf, readCertificate } from '../security_domain/custodian.ts';
import { newCustodianKey } from '../security_domain/custodian_key.ts';
import { type Activation, DomainCustody } from '../security_domain/domain_custody.ts';
import type { Document, SealedDocuments } from '../store/sealed_documents.ts';
import type { Core } from './core.ts';

/** Where the store has what made the pool active. */
export const ACTIVATION = { collection: 'security_domain', id: 'activation' } as const;
const { collection: COLLECTION, id: ID } = ACTIVATION;
const CUSTODIANS = ['custodian_1', 'custodian_2', 'custodian_3'] as const;
const QUORUM = 2;

/** Who has the security domain, as the store remembers it. */
export async function openSecurityDomain(
  { securityDomain }: Configuration,
  core: Pick<Core, 'pool'>,
  documents: SealedDocuments,
  log: Logger,
): Promise<DomainCustody> {
  let stored = await documents.find<Activation>(COLLECTION, ID);
  const custody = new DomainCustody({
    activation: stored?.content,
    needsNoCeremony: securityDomain.autoActivate,
    takeOut: () => core.pool.takeOutPoolKeys(),
    record: async (activation) => {
      stored ??= await documents.find<Activation>(COLLECTION, ID);
      stored = await put(documents, stored, activation);
    },
  });
  documents.onChanged(COLLECTION, () => {
    documents.find<Activation>(COLLECTION, ID).then(
      (found) => {
        stored = found;
        custody.learn(found?.content);
      },
      (error: unknown) => log.error({ err: error }, 'who has the security domain could not be read'),
    );
  });
  return custody;
}

/**
 * A development start has nobody to be its custodians: it makes three itself, whose keys lie beside the token, and says so. Of a token of the
 * operator's nothing is taken out by itself.
 */
export async function activateByItself(
  custody: DomainCustody,
  configuration: Configuration,
  files: DataDirectory,
  log: Logger,
): Promise<void> {
  if (custody.activation !== undefined || !configuration.securityDomain.autoActivate) return;
  if (!hasOwnTokens(configuration)) {
    log.warn(
      'nobody has the security domain of this pool: a lost token takes every key along (docs/security_domain.md)',
    );
    return;
  }
  try {
    const file = join(files.securityDomain, 'domain.json');
    await mkdir(files.securityDomain, { recursive: true, mode: 0o700 });
    if (existsSync(file)) return;
    const custodians = await Promise.all(CUSTODIANS.map((name) => makeCustodian(files.securityDomain, name)));
    await writePrivateFile(file, await custody.download(custodians, QUORUM, Date.now()));
    log.warn(
      { directory: files.securityDomain },
      'the pool activated itself for development: whoever reads this directory can read every key',
    );
  } catch (error) {
    log.error({ err: error }, 'the pool could not activate itself');
  }
}

async function makeCustodian(directory: string, name: string): Promise<Custodian> {
  const { certificate, privateKey } = await newCustodianKey(name, new Date());
  await writePrivateFile(join(directory, `${name}.key`), privateKey);
  await writePrivateFile(join(directory, `${name}.cer`), certificate);
  return custodianOf(readCertificate(certificate, name), name);
}

function put(
  documents: SealedDocuments,
  before: Document<Activation> | undefined,
  activation: Activation,
): Promise<Document<Activation>> {
  if (before === undefined) return documents.add(COLLECTION, ID, activation);
  return documents.replace(COLLECTION, { ...before, content: activation });
}
