import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Authenticator } from '../src/identity/authenticator.ts';
import { trustIssuer } from '../src/identity/configured_issuer.ts';
import { significant, table } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { Selection } from './selection.ts';
import { median, spread } from './statistics.ts';

const ISSUER = 'https://sso.example.org';
const AUDIENCE = 'https://managedhsm.azure.net';
const TENANT = '11111111-2222-3333-4444-555555555555';
/** Callers that come by turns, each with a token of its own. */
const CALLERS = 64;
const CACHED = 20_000;
const VERIFIED = 400;
const WARM_UP_ROUNDS = 3;

interface AuthenticationRow {
  readonly title: string;
  readonly microseconds: readonly number[];
}

/** What it costs to know a caller: with a token that was verified a short while ago, and with one that is seen for the first time. */
export async function measureAuthentication({ rounds }: Selection): Promise<PartOutcome> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'key' };
  const trusted = trustIssuer(
    {
      kind: 'openid',
      issuer: ISSUER,
      algorithms: ['RS256'],
      audiences: [AUDIENCE],
      keys: { kind: 'pinned', keySet: { keys: [jwk] } },
      claims: { subject: 'sub', groups: 'groups', application: 'azp', name: undefined, objectIds: 'derived' },
    },
    { resources: [], tenantId: TENANT },
  );
  const tokens = Array.from({ length: CALLERS }, (_, index) => newToken(privateKey, index));
  const authenticator = new Authenticator([trusted]);
  for (const token of tokens) await authenticator.authenticate(token);
  const cached: number[] = [];
  const verified: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const known = await timed(CACHED, (index) => authenticator.authenticate(tokens[index % CALLERS]!));
    const unknown = await timed(VERIFIED, (index) =>
      new Authenticator([trusted]).authenticate(tokens[index % CALLERS]!),
    );
    if (round < 0) continue;
    cached.push(known);
    verified.push(unknown);
  }
  const rows: AuthenticationRow[] = [
    { title: 'a token that was verified within the last minute', microseconds: cached },
    { title: 'a token that is seen for the first time, RS256', microseconds: verified },
  ];
  const lines = rows.map(({ title, microseconds }) => [title, `${significant(median(microseconds))} µs`]);
  return {
    sets: [],
    rows,
    figures: { 'authentication/cached': { ...spread(cached), disturbedRounds: 0 } },
    section: `## Authentication\n\n${table(['', 'per request'], lines)}`,
  };
}

/** With twenty groups and what else Entra writes into a token: a kilobyte and a half. */
function newToken(key: KeyObject, caller: number): string {
  const now = Math.floor(Date.now() / 1000);
  const guid = (value: number): string => `00000000-0000-4000-8000-${String(value).padStart(12, '0')}`;
  const claims = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: guid(caller),
    azp: guid(caller + CALLERS),
    groups: Array.from({ length: 20 }, (_, index) => guid(1_000 + index)),
    iat: now,
    nbf: now,
    exp: now + 3_600,
  };
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode({ alg: 'RS256', kid: 'key', typ: 'JWT' })}.${encode(claims)}`;
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
}

/** Microseconds for one, waiting only where there is something to wait for, as the server does. */
async function timed(count: number, perform: (index: number) => unknown): Promise<number> {
  const before = process.hrtime.bigint();
  for (let index = 0; index < count; index++) {
    const pending = perform(index);
    if (pending instanceof Promise) await pending;
  }
  return Number(process.hrtime.bigint() - before) / 1_000 / count;
}
