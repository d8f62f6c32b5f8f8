import { keptCertificate } from '../../identity/embedded/kept_certificate.ts';
import { badParameter } from '../../model/errors.ts';
import { GRAPH_BODIES } from '../wire/graph_body.ts';
import { applicationJson, federatedCredentialJson, passwordCredentialJson } from '../wire/graph_object.ts';
import { applicationOf, listOf } from './graph_look_up.ts';
import type { GraphRoute } from './graph_route.ts';

const FEDERATED_AUDIENCE = 'api://AzureADTokenExchange';

/** Applications: how clients show who they are. */
export const APPLICATION_ROUTES: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/applications',
    operation: 'ApplicationList',
    status: 200,
    act: (call) => listOf(call, call.directory.objects.applications, applicationJson),
  },
  {
    method: 'POST',
    path: '/applications',
    operation: 'ApplicationCreate',
    body: 'application',
    status: 201,
    act: async ({ changes, tenantId, body }) => {
      const request = GRAPH_BODIES.application.check(body);
      const application = await changes.createApplication(tenantId, {
        displayName: request.displayName,
        isMultiTenant: request.signInAudience === 'AzureADMultipleOrgs',
        isPublicClient: request.isFallbackPublicClient ?? false,
        redirectUris: request.publicClient?.redirectUris ?? [],
      });
      return applicationJson(application);
    },
  },
  {
    method: 'GET',
    path: '/applications/:id',
    operation: 'ApplicationGet',
    status: 200,
    act: (call) => applicationJson(applicationOf(call)),
  },
  {
    method: 'DELETE',
    path: '/applications/:id',
    operation: 'ApplicationDelete',
    status: 204,
    act: async (call) => {
      await call.changes.deleteApplication(applicationOf(call));
      return undefined;
    },
  },
  {
    method: 'POST',
    path: '/applications/:id/addPassword',
    operation: 'ApplicationAddPassword',
    body: 'addPassword',
    status: 200,
    act: async (call) => {
      const { passwordCredential: asked = {} } = GRAPH_BODIES.addPassword.check(call.body);
      const startMs = readDate('startDateTime', asked.startDateTime) ?? Date.now();
      const endMs = readDate('endDateTime', asked.endDateTime);
      if (endMs !== undefined && endMs <= Math.max(startMs, Date.now())) {
        throw badParameter('endDateTime', 'a date that is to come', asked.endDateTime);
      }
      const application = applicationOf(call);
      const { kept, secret } = await call.changes.addSecret(application, asked.displayName, { startMs, endMs });
      return passwordCredentialJson(kept, secret);
    },
  },
  {
    method: 'POST',
    path: '/applications/:id/removePassword',
    operation: 'ApplicationRemovePassword',
    body: 'keyId',
    status: 204,
    act: async (call) => {
      await call.changes.removeSecret(applicationOf(call), GRAPH_BODIES.keyId.check(call.body).keyId);
      return undefined;
    },
  },
  {
    method: 'POST',
    path: '/applications/:id/addKey',
    operation: 'ApplicationAddKey',
    body: 'addCertificate',
    status: 200,
    act: async (call) => {
      const { key, displayName } = GRAPH_BODIES.addCertificate.check(call.body).keyCredential;
      const certificate = keptCertificate(Buffer.from(key, 'base64'), displayName);
      if (certificate === undefined) {
        throw badParameter('keyCredential.key', 'a certificate with an RSA key of 2048 to 4096 bits', 'something else');
      }
      const application = applicationOf(call);
      await call.changes.addCertificate(application, certificate);
      const { keyId, x5t, startMs, endMs } = certificate;
      return { keyId, x5t, startDateTime: iso(startMs), endDateTime: iso(endMs) };
    },
  },
  {
    method: 'POST',
    path: '/applications/:id/removeKey',
    operation: 'ApplicationRemoveKey',
    body: 'keyId',
    status: 204,
    act: async (call) => {
      await call.changes.removeCertificate(applicationOf(call), GRAPH_BODIES.keyId.check(call.body).keyId);
      return undefined;
    },
  },
  {
    method: 'GET',
    path: '/applications/:id/federatedIdentityCredentials',
    operation: 'FederatedCredentialList',
    status: 200,
    act: (call) => ({ value: applicationOf(call).federatedCredentials.map(federatedCredentialJson) }),
  },
  {
    method: 'POST',
    path: '/applications/:id/federatedIdentityCredentials',
    operation: 'FederatedCredentialAdd',
    body: 'federatedCredential',
    status: 201,
    act: async (call) => {
      const { name, issuer, subject, description, audiences } = GRAPH_BODIES.federatedCredential.check(call.body);
      const request = { name, issuer, subject, description, audiences: audiences ?? [FEDERATED_AUDIENCE] };
      return federatedCredentialJson(await call.changes.addFederatedCredential(applicationOf(call), request));
    },
  },
  {
    method: 'DELETE',
    path: '/applications/:id/federatedIdentityCredentials/:memberId',
    operation: 'FederatedCredentialRemove',
    status: 204,
    act: async (call) => {
      await call.changes.removeFederatedCredential(applicationOf(call), call.memberId);
      return undefined;
    },
  },
];

function readDate(parameter: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw badParameter(parameter, 'a date as RFC 3339 writes it', text);
  return ms;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
