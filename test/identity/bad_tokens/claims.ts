import { LIMITS } from '../../../src/model/limits.ts';
import {
  AUDIENCE,
  type Claims,
  compact,
  ENTRA_TENANT,
  ENTRA_V1,
  ENTRA_V2,
  encode,
  entraToken,
  goodClaims,
  goodToken,
  ISSUER,
  OBJECT_ID,
  OTHER_AUDIENCE,
  OTHER_ISSUER,
  otherToken,
  RS256_HEADER,
  rs256,
  rsa,
  strangerRsa,
  TENANT,
} from '../token_fixture.ts';
import type { BadToken } from './bad_token.ts';

const CLAIMS = goodClaims();
const now = Math.floor(Date.now() / 1000);
const described = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 80);

/** RFC 8725 §3.9. The audiences of one issuer are none of another's. */
function* audiences(): Iterable<BadToken> {
  const [scheme, host] = ['https://', 'managedhsm.localhost'];
  const others = [
    'https://vault.azure.net',
    'https://management.azure.com',
    'https://graph.microsoft.com',
    'https://localhost:8443',
  ];
  const around = [
    `${scheme}${host}.evil.example`,
    `${scheme}evil.${host}`,
    `${scheme}evil${host}`,
    `${scheme}${host}.`,
    `${scheme}demo.${host}:8443`,
    `${scheme}${host}@evil.example`,
    `${scheme}${host}:8443@evil.example`,
    `${scheme}user@${host}`,
    `${scheme}${host}:`,
    `${scheme}${host}:99999999`,
    `${scheme}${host}:8443/x`,
    `${scheme}${host}:8443//`,
    `${scheme}${host}:8443/.default`,
    `${scheme}${host}:8443?x`,
    `${scheme}${host}:8443#x`,
    `${scheme}${host}:8443\n`,
    ` ${AUDIENCE}`,
    `${AUDIENCE} `,
    `${AUDIENCE}\u0000`,
    `${AUDIENCE},${AUDIENCE}`,
    `${AUDIENCE} https://vault.azure.net`,
    AUDIENCE.toUpperCase(),
    `${scheme}ManagedHSM.localhost`,
    `http://${host}:8443`,
    `${host}:8443`,
    host,
    'managedhsm.azure.net',
    'https://managedhsm.azure.net.evil.example',
    'https://managedhsm.azure.com',
    '*',
    '',
    OTHER_AUDIENCE,
    TENANT,
  ];
  for (const aud of [...others, ...around]) yield [`aud ${described(aud)}`, goodToken({ aud })];
  const shapes = [undefined, null, 0, true, {}, { aud: AUDIENCE }, [], [AUDIENCE], [AUDIENCE, 'x'], [[AUDIENCE]]];
  for (const aud of shapes) yield [`aud of the shape ${described(aud)}`, goodToken({ aud })];
  for (const aud of [
    [OTHER_AUDIENCE, 'account'],
    ['account', OTHER_AUDIENCE],
    [],
    [[OTHER_AUDIENCE]],
    AUDIENCE,
    'Strongroom',
    'strong',
  ]) {
    yield [`aud ${described(aud)} of the other issuer`, otherToken({ aud })];
  }
  for (const aud of [
    `${AUDIENCE}/`,
    'https://managedhsm.azure.net/',
    'https://managedhsm.localhost:9443',
    'https://vault.azure.net',
  ]) {
    yield [`aud ${aud} of Entra`, entraToken({ aud })];
  }
}

function* issuers(): Iterable<BadToken> {
  const names = [
    ISSUER.slice(0, -1),
    `${ISSUER}/`,
    `${ISSUER}v2.0`,
    ISSUER.toUpperCase(),
    ISSUER.replace('https', 'http'),
    ISSUER.replace('login.', 'login.evil.'),
    ISSUER.replace('login.localhost', 'login.localhost.evil.example'),
    ISSUER.replace('login.localhost:8443', 'login.localhost:8443@evil.example'),
    ISSUER.replace('1111', '2222'),
    ISSUER.replace(TENANT, 'adfs'),
    ISSUER.replace(TENANT, 'common'),
    ` ${ISSUER}`,
    `${ISSUER} `,
    `${ISSUER}?x`,
    `${ISSUER}#x`,
    `${ISSUER},${OTHER_ISSUER}`,
    `https://sts.windows.net/${TENANT}/`,
    `https://login.microsoftonline.com/${TENANT}/v2.0`,
    'https://accounts.google.com',
    'https://evil.example/',
    '',
    OTHER_ISSUER,
    ENTRA_V1,
    ENTRA_V2,
  ];
  for (const iss of names) yield [`iss ${described(iss)}`, goodToken({ iss })];
  for (const iss of [undefined, null, 0, true, [ISSUER], { iss: ISSUER }]) {
    yield [`iss of the shape ${described(iss)}`, goodToken({ iss })];
  }
  const entra = [
    ENTRA_V1.slice(0, -1),
    `${ENTRA_V1}v2.0`,
    `${ENTRA_V2}/`,
    ENTRA_V2.slice(0, -5),
    ENTRA_V1.replace('sts.windows.net', 'sts.windows.net.evil.example'),
    `https://login.microsoftonline.com/${ENTRA_TENANT}/`,
    'https://login.microsoftonline.com/common/v2.0',
    'https://login.microsoftonline.com/organizations/v2.0',
    'https://login.microsoftonline.com/{tenantid}/v2.0',
    'https://sts.windows.net/common/',
    `https://sts.windows.net/${TENANT}/`,
    ENTRA_V2.toUpperCase(),
  ];
  for (const iss of entra) yield [`iss ${iss} signed by Entra`, entraToken({ iss })];
  for (const iss of [
    `${OTHER_ISSUER}/`,
    OTHER_ISSUER.replace('production', 'master'),
    OTHER_ISSUER.replace('https', 'http'),
  ]) {
    yield [`iss ${iss} signed by the other issuer`, otherToken({ iss })];
  }
}

function* principals(): Iterable<BadToken> {
  const tenants = [
    undefined,
    null,
    '',
    0,
    [TENANT],
    OBJECT_ID,
    `${TENANT} `,
    'adfs',
    'common',
    TENANT.replaceAll('-', ''),
    '*',
  ];
  for (const tid of tenants) yield [`tid ${described(tid)}`, goodToken({ tid })];
  for (const tid of [undefined, TENANT, '9188040d-6c67-4c5b-b112-36a304b66dad', 'organizations']) {
    yield [`tid ${described(tid)} of Entra`, entraToken({ tid })];
  }
  const ids = [
    undefined,
    null,
    '',
    'root',
    5,
    true,
    [OBJECT_ID],
    { oid: OBJECT_ID },
    '*',
    `${OBJECT_ID} `,
    `{${OBJECT_ID}}`,
  ];
  for (const oid of [
    ...ids,
    OBJECT_ID.replaceAll('-', ''),
    `${OBJECT_ID}\n`,
    `urn:uuid:${OBJECT_ID}`,
    OBJECT_ID.replace('a', 'g'),
  ]) {
    yield [`oid ${described(oid)}`, goodToken({ oid })];
  }
  yield ['a subject alone', goodToken({ oid: undefined, sub: OBJECT_ID, principalId: OBJECT_ID })];
  for (const sub of [undefined, null, '', 5, ['alice'], { sub: 'alice' }]) {
    yield [`sub ${described(sub)} of the other issuer`, otherToken({ sub, oid: OBJECT_ID })];
  }
  const groups = ['g1', 5, {}, { 0: 'g1' }, [1], [null], [['g1']], null, true, ['g1', 5]];
  for (const each of groups) yield [`groups ${described(each)}`, goodToken({ groups: each })];
  const many = Array.from({ length: LIMITS.groupsPerPrincipal + 1 }, (_, index) => `g${index}`);
  yield [
    'groups elsewhere',
    goodToken({
      _claim_names: { groups: 'src1' },
      _claim_sources: { src1: { endpoint: 'https://graph.microsoft.com' } },
    }),
  ];
  yield ['groups elsewhere and here', goodToken({ groups: ['g1'], _claim_names: { groups: 'src1' } })];
  for (const hasgroups of [true, 'true', 1]) yield [`hasgroups ${described(hasgroups)}`, goodToken({ hasgroups })];
  yield ['more groups than there may be', compact(RS256_HEADER, { ...CLAIMS, groups: many }, rs256(rsa.privateKey))];
}

/** Dates that are none, that are over, and that are not yet. Numbers beyond JSON's are put into the text by hand. */
function* dates(): Iterable<BadToken> {
  const wrong = [null, '', 'x', String(now), String(now + 3600), now + 0.5, -1, -now, 1e20, true, false, [], [now], {}];
  for (const claim of ['exp', 'nbf', 'iat']) {
    for (const value of wrong) yield [`${claim} ${described(value)}`, goodToken({ [claim]: value })];
    for (const text of [
      '1e999',
      '-1e999',
      '1e400',
      '9007199254740993',
      '-0.5',
      '0x7fffffff',
      'NaN',
      'Infinity',
      '01800000000',
      '+1800000000',
    ]) {
      yield [`${claim} written ${text}`, written(claim, text)];
    }
  }
  yield ['exp missing', goodToken({ exp: undefined })];
  yield ['exp 0', goodToken({ exp: 0 })];
  yield ['exp in another case', goodToken({ exp: undefined, Exp: now + 3600, EXP: now + 3600 })];
  yield ['exp in milliseconds of the past', goodToken({ exp: now - 3600 })];
  for (const ago of [62, 3600, 86_400, now - 1]) yield [`exp ${ago} s ago`, goodToken({ exp: now - ago })];
  for (const later of [600, 3600, 86_400, now])
    yield [`nbf in ${later} s`, goodToken({ nbf: now + later, exp: now * 3 })];
  for (const later of [600, 86_400, now]) yield [`iat in ${later} s`, goodToken({ iat: now + later, exp: now * 3 })];
}

function written(claim: string, text: string): string {
  const claims = JSON.stringify({ ...CLAIMS, [claim]: 'HERE' }).replace('"HERE"', text);
  const input = `${encode(RS256_HEADER)}.${encode(claims)}`;
  return `${input}.${rs256(rsa.privateKey)(input).toString('base64url')}`;
}

/** CVE-2025-55241 and the like: what a stranger says of whom he acts for. */
function* actors(): Iterable<BadToken> {
  const inner = compact({ alg: 'none' }, CLAIMS, () => Buffer.alloc(0));
  const rows: readonly [what: string, claims: Claims][] = [
    ['act', { act: { sub: OBJECT_ID, oid: OBJECT_ID } }],
    ['actort', { actort: inner }],
    ['actortoken', { actortoken: inner, actor: inner }],
    ['may_act', { may_act: { sub: OBJECT_ID } }],
    ['netid', { netid: OBJECT_ID, nii: 'urn:federation:MicrosoftOnline', trustedfordelegation: 'true' }],
    ['xms_mirid', { xms_mirid: `/subscriptions/${TENANT}/identities/x`, xms_az_rid: 'x' }],
    ['wids', { wids: ['62e90394-69f5-4237-9190-012177145e10'], roles: ['Administrator'], scp: 'user_impersonation' }],
  ];
  for (const [what, claims] of rows) {
    yield [`a stranger with ${what}`, compact(RS256_HEADER, { ...CLAIMS, ...claims }, rs256(strangerRsa.privateKey))];
    yield [`nobody in particular with ${what}`, goodToken({ ...claims, oid: undefined })];
  }
}

export const BAD_CLAIMS: readonly BadToken[] = [...audiences(), ...issuers(), ...principals(), ...dates(), ...actors()];
