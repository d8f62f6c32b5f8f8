// A program as users of Azure write it for machines of Azure: it has no secret, and knows nothing of who it is but a name.
import { DefaultAzureCredential, ManagedIdentityCredential } from '@azure/identity';
import { KeyClient } from '@azure/keyvault-keys';

const [, , kind, options] = process.argv;
const named = options === undefined ? {} : JSON.parse(options);
const credential = kind === 'default' ? new DefaultAzureCredential() : new ManagedIdentityCredential(named);
const keys = new KeyClient(process.env.STRONGROOM_URL, credential);
const key = await keys.createEcKey('of-an-identity', { curve: 'P-256', hsm: true }).catch((error) => error);
process.stdout.write(JSON.stringify({ keyType: key.keyType, code: key.code ?? key.name, statusCode: key.statusCode }));
