import { badParameter } from '../../model/errors.ts';
import { CURVES } from '../../model/key.ts';
import { requireKeyName } from '../../model/key_identifier.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import { readAttributes } from '../lifecycle/key_attributes.ts';
import { requireCurve, requireCustodyName } from '../lifecycle/key_spec.ts';
import { makeKey } from '../lifecycle/make_key.ts';
import { requirePermission } from '../permission.ts';
import type { ImportWrappedKeyRequest, WrappedKeySpec } from '../requests.ts';
import { homeOf } from '../resident_home.ts';
import { bringInWrappedKey, modulusBytes, wrongKey } from './bring_in_wrapped_key.ts';

/** Longest PKCS#8 of an RSA-4096 key under RFC 5649, with room. */
const LONGEST_TARGET_BYTES = 4 * 1024;
/** 8 bytes of RFC 5649 and one block. */
const SHORTEST_TARGET_BYTES = 24;

/** A caller's key that has never been in the clear outside of HSMs (Azure API §2.5). */
export async function importWrappedKey(
  parts: LifecycleParts,
  request: ImportWrappedKeyRequest,
): Promise<KeyVersionRecord> {
  const name = requireKeyName(request.name);
  const spec = requireWrappedSpec(request.spec);
  const attributes = readAttributes(request, spec.keyType);
  const custody = requireCustodyName(request.custody ?? parts.defaultCustody);
  const exchangeKey = await loadExchangeKey(parts, request);
  const { wrappedKey } = request;
  if (!(wrappedKey instanceof Uint8Array)) throw badParameter('key_hsm', 'bytes', wrappedKey);
  const targetBytes = wrappedKey.length - modulusBytes(exchangeKey);
  if (targetBytes < SHORTEST_TARGET_BYTES || targetBytes > LONGEST_TARGET_BYTES || targetBytes % 8 !== 0) {
    throw wrongKey();
  }
  const order = { name, spec, attributes, custody, token: await homeOf(parts.pool, exchangeKey) };
  return makeKey(parts, order, (pool, making) => bringInWrappedKey(pool, { exchangeKey, spec, wrappedKey }, making));
}

/** @throws StrongroomError `BadParameter`, `KeyCurveNotSupported` */
function requireWrappedSpec(spec: WrappedKeySpec): WrappedKeySpec {
  switch (spec.keyType) {
    case 'EC-HSM':
      requireCurve(spec.curve);
      return { keyType: spec.keyType, curve: spec.curve };
    case 'RSA-HSM':
    case 'oct-HSM':
      return { keyType: spec.keyType };
    default:
      throw badParameter(
        'kty',
        `RSA-HSM, oct-HSM or EC-HSM on ${CURVES.join(', ')}`,
        (spec as { keyType: unknown }).keyType,
      );
  }
}

/** `import` stands alone by the rules of key operations, so that it cannot tell what it has brought in. */
async function loadExchangeKey(
  { keys }: LifecycleParts,
  { exchangeKey }: ImportWrappedKeyRequest,
): Promise<KeyVersionRecord> {
  const { record } = keys.find(exchangeKey) ?? (await keys.load(exchangeKey));
  requirePermission(record, 'import');
  if (record.spec.keyType !== 'RSA-HSM' || record.operations.length !== 1) {
    throw badParameter('kid', 'an RSA-HSM key whose one operation is import', record.operations.join(', '));
  }
  return record;
}
