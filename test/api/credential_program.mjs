// A program as users of Azure write it, with the credential that its argument names. Nothing in it knows that this is not Azure.
import {
  ClientCertificateCredential,
  ClientSecretCredential,
  DefaultAzureCredential,
  EnvironmentCredential,
  WorkloadIdentityCredential,
} from '@azure/identity';
import { KeyClient } from '@azure/keyvault-keys';

const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client, SECRET, CERTIFICATE, STRONGROOM_URL } = process.env;
const CREDENTIALS = {
  secret: () => new ClientSecretCredential(tenant, client, SECRET),
  certificate: () => new ClientCertificateCredential(tenant, client, CERTIFICATE),
  chain: () =>
    new ClientCertificateCredential(tenant, client, { certificatePath: CERTIFICATE }, { sendCertificateChain: true }),
  workload: () => new WorkloadIdentityCredential(),
  environment: () => new EnvironmentCredential(),
  default: () => new DefaultAzureCredential(),
};
const credential = CREDENTIALS[process.argv[2]]();
const bytes = await new KeyClient(STRONGROOM_URL, credential).getRandomBytes(16);
process.stdout.write(JSON.stringify({ bytes: bytes.length }));
