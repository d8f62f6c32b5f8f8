import { randomUUID } from 'node:crypto';
import { StrongroomError } from '../../model/errors.ts';
import type { Document, SealedDocuments } from '../../store/sealed_documents.ts';
import { isClientSecret, newClientSecret } from './client_secret.ts';
import type { Application, ServicePrincipal } from './directory_objects.ts';
import { keptSecret, newApplication } from './new_application.ts';
import type { StoredDirectory } from './stored_directory.ts';

/** How a directory began: the ids of what is made with it. Whoever comes first writes it down, and whoever comes next completes what is not there. */
export interface DirectoryOrigin {
  readonly tenantId: string;
  readonly clientId: string;
  readonly applicationId: string;
  readonly objectId: string;
  readonly isComplete: boolean;
}

/** The application that `strongroom env` speaks for, with a secret in the clear. */
export interface FirstApplication {
  readonly servicePrincipal: ServicePrincipal;
  readonly secret: string;
}

const COLLECTION = 'directory';
const ORIGIN = 'origin';
const TENANT_NAME = 'Strongroom';
const APPLICATION_NAME = 'demo';
/** A secret that ends sooner is replaced at the start. */
const RENEWED_BEFORE_MS = 30 * 24 * 60 * 60 * 1000;

/** Finds or makes the origin. Where the operator names another tenant than before, the directory goes on there. */
export async function openOrigin(documents: SealedDocuments, tenantId?: string): Promise<Document<DirectoryOrigin>> {
  const found = await documents.find<DirectoryOrigin>(COLLECTION, ORIGIN);
  if (found !== undefined) {
    if (tenantId === undefined || tenantId === found.content.tenantId) return found;
    return documents.replace(COLLECTION, { ...found, content: { ...found.content, tenantId, isComplete: false } });
  }
  const [clientId, applicationId, objectId] = [randomUUID(), randomUUID(), randomUUID()];
  const content = { tenantId: tenantId ?? randomUUID(), clientId, applicationId, objectId, isComplete: false };
  try {
    return await documents.add(COLLECTION, ORIGIN, content);
  } catch (error) {
    if (!isConflict(error)) throw error;
    return openOrigin(documents, tenantId);
  }
}

/**
 * Makes what a directory begins with, once: what is deleted later stays deleted. A server that does not know a secret of the first
 * application, or one that is good for another month, adds one; those that have ended go.
 */
export async function openFirstApplication(
  documents: SealedDocuments,
  directory: StoredDirectory,
  origin: Document<DirectoryOrigin>,
  knownSecret: string | undefined,
): Promise<FirstApplication | undefined> {
  const { tenantId, clientId, isComplete } = origin.content;
  if (!isComplete) await complete(documents, directory, origin);
  const application = directory.current.findApplication(clientId);
  const servicePrincipal = directory.current.findServicePrincipal(tenantId, clientId);
  if (application === undefined || servicePrincipal === undefined) return undefined;
  const nowMs = Date.now();
  if (knownSecret !== undefined && (await isGood(knownSecret, application, nowMs))) {
    return { servicePrincipal, secret: knownSecret };
  }
  const secret = newClientSecret();
  const kept = await keptSecret(secret, undefined, nowMs);
  await directory.change('applications', application, (now) => ({
    ...now,
    secrets: [...now.secrets.filter(({ endMs }) => endMs > nowMs), kept],
  }));
  return { servicePrincipal, secret };
}

async function complete(
  documents: SealedDocuments,
  directory: StoredDirectory,
  origin: Document<DirectoryOrigin>,
): Promise<void> {
  const { tenantId, clientId, applicationId, objectId } = origin.content;
  const { application, servicePrincipal } = newApplication(tenantId, APPLICATION_NAME);
  await unlessThere(directory.add('tenants', { id: tenantId, displayName: TENANT_NAME }));
  await unlessThere(directory.add('applications', { ...application, id: applicationId, clientId }));
  const first = { ...servicePrincipal, id: objectId, clientId, isAdministrator: true };
  await unlessThere(directory.add('servicePrincipals', first));
  await unlessThere(documents.replace(COLLECTION, { ...origin, content: { ...origin.content, isComplete: true } }));
}

async function isGood(secret: string, { secrets }: Application, nowMs: number): Promise<boolean> {
  for (const { hint, endMs, hash } of secrets) {
    if (endMs < nowMs + RENEWED_BEFORE_MS || !secret.startsWith(hint)) continue;
    if (await isClientSecret(secret, hash)) return true;
  }
  return false;
}

/** Another server may be doing the same. */
async function unlessThere(change: Promise<unknown>): Promise<void> {
  await change.catch((error: unknown) => {
    if (!isConflict(error)) throw error;
  });
}

function isConflict(error: unknown): boolean {
  return error instanceof StrongroomError && error.code === 'Conflict';
}
