import { StrongroomError } from '../../model/errors.ts';
import type { PublicKey } from '../../model/key.ts';
import { meetsReleasePolicy, type ReleasePolicy } from '../../model/release_policy.ts';
import { lookAtToken } from '../../pool/pool_keys.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import { viewOf } from '../key_view.ts';
import { unwrappedObject } from '../key_wrapping.ts';
import { Ceremony } from '../lifecycle/ceremony.ts';
import { sessionPlacement, unwrapStored } from '../object_bringing.ts';
import { requireEnabled } from '../permission.ts';
import type { KeyVersion, ReleaseKeyRequest, ReleaseKeyResult } from '../requests.ts';
import { requireOk } from '../token_refusal.ts';
import { requireEncryption, wrapForRecipient } from './key_transport.ts';
import { signStatement } from './pool_signature.ts';
import { publicJwk } from './public_jwk.ts';
import { type Recipient, recipientOf } from './recipient.ts';

type ReleaseParts = Pick<LifecycleParts, 'pool' | 'keys' | 'recovery' | 'creations'>;

const RELEASE_TYPE = 'key-release+jws';

/** Gives a key to an attested environment, wrapped for the environment's own key (Azure API §1.14, docs/release.md). */
export async function releaseKey(parts: ReleaseParts, request: ReleaseKeyRequest): Promise<ReleaseKeyResult> {
  const { pool, keys, recovery } = parts;
  const { record } = keys.find(request.key) ?? (await keys.load(request.key));
  const releasePolicy = requireReleasable(record, request);
  const hash = requireEncryption(request.encryption);
  const recipient = recipientOf(request.attestation);
  const ciphertext = await parts.creations.pass(async () => {
    const { ceremony, completion } = await Ceremony.begin(pool, 'engine', lookAtToken, {});
    try {
      requireOk(completion);
      const object = await bringExtractable(ceremony, record);
      return await wrapForRecipient(ceremony, object, recipient, hash);
    } finally {
      await ceremony.end();
    }
  });
  const payload = releasePayload(request, viewOf(recovery, record), releasePolicy, recipient, ciphertext);
  const value = await signStatement(pool, RELEASE_TYPE, payload);
  return { name: record.name, version: record.version, value };
}

/** @throws StrongroomError `Forbidden`; of the claims that it looked at it says nothing */
function requireReleasable(record: KeyVersionRecord, { attestation }: ReleaseKeyRequest): ReleasePolicy {
  requireEnabled(record, 'release');
  const { exportable, releasePolicy, custody } = record;
  if (!exportable || releasePolicy === undefined) {
    throw new StrongroomError('Forbidden', 'The key is not exportable.', { innerCode: 'KeyNotExportable' });
  }
  if (!meetsReleasePolicy(releasePolicy, attestation)) {
    throw new StrongroomError('Forbidden', 'The attestation does not meet the release policy of the key.', {
      innerCode: 'ReleasePolicyNotMet',
    });
  }
  if (custody === 'resident') {
    throw new StrongroomError('NotSupported', 'The HSM keeps this key itself, and lets it out for nobody.');
  }
  return releasePolicy;
}

/** Out of the KEK as an object that may be wrapped once more, for this ceremony alone. */
async function bringExtractable(ceremony: Ceremony, record: KeyVersionRecord): Promise<number> {
  const { pool, host } = ceremony;
  const { keyType } = record.spec;
  const role = keyType === 'oct-HSM' ? 'secret' : 'private';
  const { token } = host;
  const template = unwrappedObject(token, record.publicKey, role, sessionPlacement(token), 'extractable');
  return ceremony.take(await unwrapStored(pool, record, template, host));
}

/** What Azure's clients look for in the statement: under the pool's signature, and therefore the engine's to write. */
function releasePayload(
  { encryption, nonce, apiVersion, keyIdentifier }: ReleaseKeyRequest,
  key: KeyVersion,
  { contentType, data, immutable }: ReleasePolicy,
  recipient: Recipient,
  ciphertext: Uint8Array,
): object {
  const kid = keyIdentifier(key.name, key.version);
  const wrapped = {
    schema_version: '1.0.0',
    header: { kid: recipient.keyIdentifier, alg: 'dir', enc: encryption },
    ciphertext: base64url(ciphertext),
  };
  return {
    request: { 'api-version': apiVersion, enc: encryption, kid, nonce },
    response: {
      key: {
        key: {
          kid,
          kty: key.spec.keyType,
          key_ops: key.operations,
          ...publicMembers(key.publicKey),
          key_hsm: base64url(Buffer.from(JSON.stringify(wrapped), 'utf8')),
        },
        attributes: {
          enabled: key.enabled,
          nbf: key.notBefore,
          exp: key.expires,
          created: key.created,
          updated: key.updated,
          recoverableDays: key.recoverableDays,
          recoveryLevel: key.recoveryLevel,
          exportable: key.exportable,
        },
        release_policy: { contentType, data: base64url(data), immutable },
      },
    },
  };
}

function publicMembers(publicKey: PublicKey): object {
  if (publicKey.keyType === 'oct-HSM') return {};
  const { kty: _kty, ...members } = publicJwk(publicKey);
  return members;
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
