// A program as users of Azure write it. Nothing in it knows that this is not Azure.
import { createHash } from 'node:crypto';
import { DefaultAzureCredential } from '@azure/identity';
import { CryptographyClient, KeyClient } from '@azure/keyvault-keys';

const credential = new DefaultAzureCredential();
const keys = new KeyClient(process.env.STRONGROOM_URL, credential);

const key = await keys.createEcKey('invoices', { curve: 'P-256', hsm: true });
const cryptography = new CryptographyClient(key, credential);

const digest = createHash('sha256').update('Pay 100 to Alice').digest();
const { result: signature } = await cryptography.sign('ES256', digest);
const { result: valid } = await cryptography.verify('ES256', digest, signature);
const { result: forged } = await cryptography.verify(
  'ES256',
  createHash('sha256').update('Pay 900').digest(),
  signature,
);

const again = await keys.getKey('invoices');
const rsa = await keys.createRsaKey('vault', { keySize: 2048, hsm: true, keyOps: ['wrapKey', 'unwrapKey'] });
const wrapping = new CryptographyClient(rsa, credential);
const wrapped = await wrapping.wrapKey('RSA-OAEP-256', digest);
const unwrapped = await wrapping.unwrapKey('RSA-OAEP-256', wrapped.result);
const oct = await keys.createOctKey('box', { keySize: 256, hsm: true });
const box = new CryptographyClient(oct, credential);
const sealed = await box.encrypt({
  algorithm: 'A256GCM',
  plaintext: digest,
  additionalAuthenticatedData: Buffer.from('a'),
});
const opened = await box.decrypt({
  algorithm: 'A256GCM',
  ciphertext: sealed.result,
  iv: sealed.iv,
  authenticationTag: sealed.authenticationTag,
  additionalAuthenticatedData: Buffer.from('a'),
});
const random = await keys.getRandomBytes(32);
const missing = await keys.getKey('nothing').catch((error) => error);

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
const report = {
  id: key.id,
  keyType: key.keyType,
  valid,
  forged,
  sameKey: again.id === key.id,
  unwrapped: Buffer.from(unwrapped.result).equals(digest),
  opened: Buffer.from(opened.result).equals(digest),
  randomBytes: random.length,
  missing: { statusCode: missing.statusCode, code: missing.code },
  digest: base64url(digest),
  signature: base64url(signature),
  x: base64url(key.key.x),
  y: base64url(key.key.y),
};
process.stdout.write(JSON.stringify(report));
