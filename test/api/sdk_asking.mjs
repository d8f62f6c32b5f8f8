// Asks for a key that is not there, as users of Azure do, and says how that is answered.
import { DefaultAzureCredential } from '@azure/identity';
import { KeyClient } from '@azure/keyvault-keys';

const keys = new KeyClient(process.env.STRONGROOM_URL, new DefaultAzureCredential());
await keys.getKey('nobody').catch(({ statusCode, code, message }) => {
  process.stdout.write(JSON.stringify({ statusCode, code, message }));
});
