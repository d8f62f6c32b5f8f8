import type { Attestation } from './attestation.ts';
import { badParameter } from './errors.ts';
import { LIMITS } from './limits.ts';
import { parseStrictJson } from './strict_json.ts';

/** Who may have an exportable key released to him (Azure API §1.14). */
export interface ReleasePolicy {
  readonly contentType: string;
  /** The policy itself, bytes as the caller gave them: JSON in UTF-8. */
  readonly data: Uint8Array;
  /** Once true, the policy can never be changed. */
  readonly immutable: boolean;
}

/** An authority, and what it has to say of an environment. */
interface Rule {
  readonly authority: string;
  readonly condition: Condition;
}

type Condition =
  | { readonly kind: 'allOf' | 'anyOf'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'claim'; readonly path: readonly string[]; readonly test: (claim: unknown) => boolean };

/** What a claim is compared with. */
type Operand = string | number | boolean;

/** A test of a claim by an operand of the right type. A claim that is not there reads as `undefined`. */
interface Operator {
  readonly operand: 'any' | 'number' | 'boolean';
  readonly holds: (claim: unknown, operand: never) => boolean;
}

const isOperand = (value: unknown): value is Operand =>
  typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));

/** Another type than the operand's is neither less nor greater, so that every comparison with it fails. */
const ordering = (compare: (claim: number, operand: number) => boolean): Operator => ({
  operand: 'number',
  holds: (claim: unknown, operand: number) => typeof claim === 'number' && compare(claim, operand),
});

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['equals', { operand: 'any', holds: (claim: unknown, operand: Operand) => claim === operand }],
  // What is missing, an object or a list is no value, and a condition on it fails whichever way it is turned.
  ['notEquals', { operand: 'any', holds: (claim: unknown, operand: Operand) => isOperand(claim) && claim !== operand }],
  ['less', ordering((claim, operand) => claim < operand)],
  ['lessOrEquals', ordering((claim, operand) => claim <= operand)],
  ['greater', ordering((claim, operand) => claim > operand)],
  ['greaterOrEquals', ordering((claim, operand) => claim >= operand)],
  ['exists', { operand: 'boolean', holds: (claim: unknown, operand: boolean) => (claim !== undefined) === operand }],
]);

const OPERATOR_NAMES = [...OPERATORS.keys()].join(', ');
const VERSION = '1.0.0';
const PARAMETER = 'release_policy';
const JSON_CONTENT_TYPE = /^application\/json *(?:;[ -~]*)?$/i;
const CONTENT_TYPE_CHARACTERS = 256;

/**
 * The policy itself, when it is one that can be evaluated.
 * @throws StrongroomError `BadParameter` that names the place in the policy which is not as it has to be
 */
export function requireReleasePolicy(policy: ReleasePolicy): ReleasePolicy {
  const { contentType, immutable } = policy;
  if (
    typeof contentType !== 'string' ||
    contentType.length > CONTENT_TYPE_CHARACTERS ||
    !JSON_CONTENT_TYPE.test(contentType)
  ) {
    throw badParameter(`${PARAMETER}.contentType`, 'application/json; charset=utf-8', contentType);
  }
  if (typeof immutable !== 'boolean') throw badParameter(`${PARAMETER}.immutable`, 'true or false', immutable);
  parseRules(policy);
  return policy;
}

/** Whether what an authority says of an environment meets the policy. */
export function meetsReleasePolicy(policy: ReleasePolicy, { authority, claims }: Attestation): boolean {
  return parseRules(policy).some(
    (rule) => sameAuthority(rule.authority, authority) && conditionHolds(rule.condition, claims),
  );
}

/** Issuers are written with and without a slash at the end, often both ways by the same authority. */
export function sameAuthority(one: string, other: string): boolean {
  return withoutSlash(one) === withoutSlash(other);
}

const withoutSlash = (url: string): string => (url.endsWith('/') ? url.slice(0, -1) : url);

function conditionHolds(condition: Condition, claims: Readonly<Record<string, unknown>>): boolean {
  if (condition.kind === 'claim') return condition.test(claimAt(claims, condition.path));
  if (condition.kind === 'allOf') return condition.conditions.every((each) => conditionHolds(each, claims));
  return condition.conditions.some((each) => conditionHolds(each, claims));
}

/** Dots lead into objects, never into lists. */
function claimAt(claims: Readonly<Record<string, unknown>>, path: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

function parseRules({ data }: ReleasePolicy): readonly Rule[] {
  const place = `${PARAMETER}.data`;
  if (!(data instanceof Uint8Array) || data.length === 0 || data.length > LIMITS.releasePolicyBytes) {
    throw badParameter(place, `a policy of 1 to ${LIMITS.releasePolicyBytes} bytes`, data);
  }
  const policy = requireObject(parseStrictJson(textOf(data, place), place, data), place);
  requireMembers(policy, ['version', 'anyOf'], place);
  // An older form has no version; it is written with `condition` and `value`.
  if (policy.version !== undefined && policy.version !== VERSION) {
    throw badParameter(`${place}.version`, VERSION, policy.version);
  }
  return requireList(policy.anyOf, `${place}.anyOf`).map((rule, index) => parseRule(rule, `${place}.anyOf[${index}]`));
}

function textOf(data: Uint8Array, place: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw badParameter(place, 'JSON in UTF-8', data);
  }
}

function parseRule(value: unknown, place: string): Rule {
  const { authority, ...condition } = requireObject(value, place);
  if (typeof authority !== 'string' || !/^https?:\/\//.test(authority) || !URL.canParse(authority)) {
    throw badParameter(`${place}.authority`, 'the URL of an authority', authority);
  }
  return { authority, condition: parseCombination(condition, place) };
}

function parseCondition(value: unknown, place: string): Condition {
  const condition = requireObject(value, place);
  return 'claim' in condition ? parseClaim(condition, place) : parseCombination(condition, place);
}

function parseCombination(combination: Readonly<Record<string, unknown>>, place: string): Condition {
  requireMembers(combination, ['allOf', 'anyOf'], place);
  const [kind, second] = Object.keys(combination);
  if ((kind !== 'allOf' && kind !== 'anyOf') || second !== undefined) {
    throw badParameter(place, 'either allOf or anyOf', Object.keys(combination));
  }
  const conditions = requireList(combination[kind], `${place}.${kind}`);
  return { kind, conditions: conditions.map((each, index) => parseCondition(each, `${place}.${kind}[${index}]`)) };
}

function parseClaim(condition: Readonly<Record<string, unknown>>, place: string): Condition {
  const { claim, ...comparison } = condition;
  if (typeof claim !== 'string' || claim === '') throw badParameter(`${place}.claim`, 'the name of a claim', claim);
  const path = claim.split('.');
  if (path.includes('')) throw badParameter(`${place}.claim`, 'names with one dot between them', claim);
  const [name, operand] = 'condition' in comparison ? olderForm(comparison, place) : newerForm(comparison, place);
  const operator = OPERATORS.get(name);
  if (operator === undefined) throw badParameter(place, `one of ${OPERATOR_NAMES}`, name);
  const fits =
    operator.operand === 'any' ? isOperand(operand) : isOperand(operand) && typeof operand === operator.operand;
  if (!fits) {
    const expected = operator.operand === 'any' ? 'a string, a number, true or false' : `a ${operator.operand}`;
    throw badParameter(`${place}.${name}`, expected, operand);
  }
  return { kind: 'claim', path, test: (value) => operator.holds(value, operand as never) };
}

/** `{"claim": …, "equals": …}` */
function newerForm(comparison: Readonly<Record<string, unknown>>, place: string): readonly [string, unknown] {
  const [entry, second] = Object.entries(comparison);
  if (entry === undefined || second !== undefined) {
    throw badParameter(place, `a claim with one of ${OPERATOR_NAMES}`, Object.keys(comparison));
  }
  return entry;
}

/** `{"claim": …, "condition": "equals", "value": …}` */
function olderForm(comparison: Readonly<Record<string, unknown>>, place: string): readonly [string, unknown] {
  requireMembers(comparison, ['condition', 'value'], place);
  const { condition, value } = comparison;
  if (typeof condition !== 'string') throw badParameter(`${place}.condition`, `one of ${OPERATOR_NAMES}`, condition);
  return [condition, value];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function requireObject(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw badParameter(place, 'an object', value);
  return value;
}

function requireList(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) throw badParameter(place, 'a list of at least one', value);
  return value;
}

/** What is not understood must not be passed over: it may be what its author counts on. */
function requireMembers(object: Readonly<Record<string, unknown>>, known: readonly string[], place: string): void {
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown !== undefined) throw badParameter(place, `no members but ${known.join(' and ')}`, unknown);
}
