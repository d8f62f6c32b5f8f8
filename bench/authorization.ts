import { Authorizer } from '../src/access/authorizer.ts';
import type { RoleGrant } from '../src/access/role_assignment.ts';
import { BUILT_IN_ROLE_IDS, builtInRoles, type DataAction } from '../src/model/role.ts';
import { KEYS_SCOPE, keyScope, POOL_SCOPE, type Scope } from '../src/model/scope.ts';
import { significant, table } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { Selection } from './selection.ts';
import { median, spread } from './statistics.ts';

/** 20 at `/`, 20 at `/keys`, one at each of twenty keys. */
const ASSIGNMENTS = 60;
const GROUPS = 20;
const KEYS = 10;
const DECISIONS = 200_000;
const WARM_UP_ROUNDS = 3;
const SIGN: DataAction = 'Microsoft.KeyVault/managedHsm/keys/sign/action';

interface AuthorizationRow {
  readonly title: string;
  readonly microseconds: readonly number[];
}

/** What a decision costs in CPU time (nothing is waited for), for a caller with many groups, all of whom hold something. */
export async function measureAuthorization({ rounds }: Selection): Promise<PartOutcome> {
  const groups = Array.from({ length: GROUPS }, (_, index) => guid(index));
  const caller = { objectId: guid(1_000), groups, tenantId: guid(2_000), applicationId: undefined };
  const keys = Array.from({ length: KEYS }, (_, index) => keyScope(`key-${index}`));
  const elsewhere = Array.from({ length: KEYS }, (_, index) => keyScope(`other-${index}`));
  const authorizer = new Authorizer(builtInRoles({ cryptoUserMayDelete: false }), grantsOf(groups, keys, elsewhere));
  const decide = (scopes: readonly Scope[], expected: boolean): number => {
    const before = process.cpuUsage();
    for (let index = 0; index < DECISIONS; index++) {
      if (authorizer.allows(caller, SIGN, scopes[index % KEYS]!) !== expected) throw new TypeError('Decided wrongly.');
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / DECISIONS;
  };
  const rows: AuthorizationRow[] = [
    { title: 'allowed by an assignment of the last group, at the key', microseconds: [] },
    { title: 'denied, after all groups have been looked at', microseconds: [] },
  ].map((row, index) => {
    const all = Array.from({ length: rounds + WARM_UP_ROUNDS }, () =>
      decide(index === 0 ? keys : elsewhere, index === 0),
    );
    return { ...row, microseconds: all.slice(WARM_UP_ROUNDS) };
  });
  const denied = rows[1]?.microseconds ?? [];
  const lines = rows.map(({ title, microseconds }) => [title, `${significant(median(microseconds))} µs`]);
  return {
    sets: [],
    rows,
    figures: { 'authorization/decision': { ...spread(denied), disturbedRounds: 0 } },
    section: `## Authorization\n\n${ASSIGNMENTS} assignments, ${GROUPS} groups.\n\n${table(['', 'CPU per decision'], lines)}`,
  };
}

/**
 * At each scope somebody may sign, so that everybody's groups have to be looked for there: strangers at `/` and `/keys` and at some keys, the
 * caller's last group at others. The caller's groups hold roles of other kinds everywhere.
 */
function grantsOf(groups: readonly string[], keys: readonly Scope[], elsewhere: readonly Scope[]): RoleGrant[] {
  const { administrator, cryptoOfficer, cryptoUser } = BUILT_IN_ROLE_IDS;
  return Array.from({ length: ASSIGNMENTS / 6 }, (_, index): RoleGrant[] => {
    const [group, other, stranger] = [groups[index]!, groups[index + GROUPS / 2]!, guid(3_000 + index)];
    return [
      { principalId: group, roleDefinitionId: administrator, scope: POOL_SCOPE },
      { principalId: stranger, roleDefinitionId: cryptoUser, scope: POOL_SCOPE },
      { principalId: other, roleDefinitionId: cryptoOfficer, scope: KEYS_SCOPE },
      { principalId: stranger, roleDefinitionId: cryptoUser, scope: KEYS_SCOPE },
      { principalId: groups.at(-1)!, roleDefinitionId: cryptoUser, scope: keys[index]! },
      { principalId: stranger, roleDefinitionId: cryptoUser, scope: elsewhere[index]! },
    ];
  }).flat();
}

function guid(value: number): string {
  return `00000000-0000-4000-8000-${String(value).padStart(12, '0')}`;
}
