import { Type } from 'typebox';
import { badParameter } from '../../model/errors.ts';
import type { ReleasePolicy } from '../../model/release_policy.ts';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { isJson } from './media_type.ts';

const DEFAULT_CONTENT_TYPE = 'application/json; charset=utf-8';

export interface ReleasePolicyBody {
  readonly contentType?: string;
  readonly data: string;
  readonly immutable?: boolean;
}

/** KeyReleasePolicy (Azure API §1.14), which may be null in requests: then there is none. */
export const RELEASE_POLICY = Type.Unsafe<ReleasePolicyBody | null>({
  type: ['object', 'null'],
  properties: {
    contentType: { type: 'string', maxLength: 255, expected: 'a media type of at most 255 characters' },
    data: { type: 'string', expected: 'base64url text' },
    immutable: { type: 'boolean', expected: 'true or false' },
  },
  required: ['data'],
  expected: 'an object',
});

/** The rules inside are the engine's to read. @throws StrongroomError `BadParameter` */
export function readReleasePolicy(body: ReleasePolicyBody | null | undefined): ReleasePolicy | undefined {
  if (body === undefined || body === null) return undefined;
  const { contentType = DEFAULT_CONTENT_TYPE, data, immutable = false } = body;
  if (!isJson(contentType)) throw badParameter('release_policy.contentType', DEFAULT_CONTENT_TYPE, contentType);
  return { contentType, data: decodeBase64url('release_policy.data', data), immutable };
}

export function releasePolicyMembers({ contentType, data, immutable }: ReleasePolicy): ReleasePolicyBody {
  return { contentType, data: encodeBase64url(data), immutable };
}
