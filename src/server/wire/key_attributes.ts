import { Type } from 'typebox';
import type { NewKeyAttributes } from '../../engine/requests.ts';
import { badParameter, StrongroomError } from '../../model/errors.ts';
import { KEY_OPERATIONS, type KeyOperation } from '../../model/key_operation.ts';
import { RELEASE_POLICY, type ReleasePolicyBody, readReleasePolicy } from './release_policy.ts';

/** 31 December 9999, the last day that clients' date types know. */
const LAST_SECOND = 253_402_300_799;
const unixTime = () => Type.Integer({ minimum: 0, maximum: LAST_SECOND, expected: 'unix seconds as an integer' });

/** `key_ops`, which stands in the key of an import and beside it elsewhere. */
export const KEY_OPS = Type.Optional(
  Type.Array(Type.String({ expected: 'the name of a key operation' }), { expected: 'a list of key operations' }),
);

/** What create, import and update have in common (Azure API §1.8, §1.10). */
export const KEY_ATTRIBUTE_MEMBERS = {
  attributes: Type.Optional(
    Type.Object(
      {
        enabled: Type.Optional(Type.Boolean({ expected: 'true or false' })),
        nbf: Type.Optional(unixTime()),
        exp: Type.Optional(unixTime()),
        exportable: Type.Optional(Type.Boolean({ expected: 'true or false' })),
      },
      { expected: 'an object' },
    ),
  ),
  tags: Type.Optional(
    Type.Unsafe<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string', expected: 'a string' },
      expected: 'an object of strings',
    }),
  ),
  release_policy: Type.Optional(RELEASE_POLICY),
};

interface KeyAttributeMembers {
  readonly attributes?: {
    readonly enabled?: boolean;
    readonly nbf?: number;
    readonly exp?: number;
    readonly exportable?: boolean;
  };
  readonly tags?: Readonly<Record<string, string>>;
  readonly release_policy?: ReleasePolicyBody | null;
}

/** Of a key that is made. @throws StrongroomError `BadParameter` */
export function readKeyAttributes(
  body: KeyAttributeMembers,
  operations: readonly string[] | undefined,
): NewKeyAttributes {
  const read = readChangedAttributes(body, operations);
  const exportable = body.attributes?.exportable ?? false;
  if (exportable && read.releasePolicy === undefined)
    throw new StrongroomError('BadParameter', 'Exportable keys must have release policy');
  if (!exportable && read.releasePolicy !== undefined)
    throw new StrongroomError('BadParameter', 'Non-exportable keys must not have release policy');
  return read;
}

/** Of a key that is there already: whether it is exportable has been decided. @throws StrongroomError `BadParameter` */
export function readChangedAttributes(
  { attributes, tags, release_policy }: KeyAttributeMembers,
  operations: readonly string[] | undefined,
): Omit<NewKeyAttributes, 'custody'> {
  return {
    operations: operations?.map(requireKeyOperation),
    enabled: attributes?.enabled,
    notBefore: attributes?.nbf,
    expires: attributes?.exp,
    tags: tags === undefined ? undefined : readTags(tags),
    releasePolicy: readReleasePolicy(release_policy),
  };
}

const OPERATIONS_BY_FOLDED_NAME: ReadonlyMap<string, KeyOperation> = new Map(
  KEY_OPERATIONS.map((operation) => [operation.toLowerCase(), operation]),
);

function requireKeyOperation(text: string): KeyOperation {
  const operation = OPERATIONS_BY_FOLDED_NAME.get(text.toLowerCase());
  if (operation === undefined) throw badParameter('key_ops', `operations out of ${KEY_OPERATIONS.join(', ')}`, text);
  return operation;
}

/** Half a surrogate pair has no UTF-8, and could not be given back as it came. */
function readTags(tags: Readonly<Record<string, string>>): Record<string, string> {
  for (const [name, value] of Object.entries(tags)) {
    if (!name.isWellFormed() || !value.isWellFormed())
      throw badParameter('tags', 'well-formed Unicode', 'half a surrogate pair');
  }
  return tags;
}
