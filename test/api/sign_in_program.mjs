// A program that people use, as they write it for Azure. How its person signs in is its one argument.
import { createHash } from 'node:crypto';
import { AuthorizationCodeCredential, DeviceCodeCredential, InteractiveBrowserCredential } from '@azure/identity';
import { CryptographyClient, KeyClient } from '@azure/keyvault-keys';

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const clientId = process.env.TOOL_CLIENT_ID;

const CREDENTIALS = {
  device: () =>
    new DeviceCodeCredential({
      tenantId: 'adfs',
      clientId,
      userPromptCallback: ({ userCode, verificationUri, message }) => say({ userCode, verificationUri, message }),
    }),
  browser: () => new InteractiveBrowserCredential({ tenantId: 'adfs', clientId, redirectUri: 'http://localhost' }),
  code: () =>
    new AuthorizationCodeCredential(
      'adfs',
      process.env.SITE_CLIENT_ID,
      process.env.SITE_CLIENT_SECRET,
      process.env.SITE_CODE,
      process.env.SITE_REDIRECT_URI,
    ),
};

const credential = CREDENTIALS[process.argv[2]]();
const keys = new KeyClient(process.env.STRONGROOM_URL, credential);
const key = await keys.getKey('invoices');
const digest = createHash('sha256').update('Pay 100 to Alice').digest();
const { result } = await new CryptographyClient(key, credential).sign('ES256', digest);
// For another resource the library asks with its refresh token, and not its person.
const { token } = await credential.getToken('https://managedhsm.azure.net/.default', { enableCae: true });
const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
say({
  keyId: key.id,
  digest: digest.toString('base64url'),
  signature: Buffer.from(result).toString('base64url'),
  claims,
});
