import { Authorizer } from '../../src/access/authorizer.ts';
import { explainAccess } from '../../src/access/explanation.ts';
import type { RoleAssignment } from '../../src/access/role_assignment.ts';
import { DATA_ACTIONS, type DataAction, type RoleDefinition } from '../../src/model/role.ts';
import type { Scope } from '../../src/model/scope.ts';
import { campaign } from '../campaigns/campaign.ts';
import type { SeededRandom } from '../fixtures/seeded_random.ts';

const QUESTIONS = 20;
/** Few, so that they meet. Names of keys that begin alike, differ in case, or look like another part of a path. */
const PEOPLE = ['ada', 'ben', 'carla', 'dora', 'team', 'guild', 'union'];
const SCOPES: readonly Scope[] = ['/', '/keys', '/keys/a', '/keys/ab', '/keys/A', '/keys/keys', '/keys/b'];

interface Graph {
  readonly definitions: readonly RoleDefinition[];
  readonly assignments: readonly RoleAssignment[];
}

interface Question {
  readonly principalId: string;
  readonly groups: readonly string[];
  readonly action: DataAction;
  readonly scope: Scope;
}

function several<Item>(random: SeededRandom, most: number, make: () => Item): Item[] {
  return Array.from({ length: random.integer(0, most) }, make);
}

function randomGraph(random: SeededRandom, actions: readonly DataAction[]): Graph {
  const definitions = Array.from(
    { length: random.integer(1, 8) },
    (_, index): RoleDefinition => ({
      id: `role-${index}`,
      name: `role ${index}`,
      description: '',
      kind: 'custom',
      permissions: several(random, 3, () => ({
        actions: several(random, 1, () => random.pick(actions)),
        notActions: several(random, 1, () => random.pick(actions)),
        dataActions: several(random, 4, () => random.pick(actions)),
        notDataActions: several(random, 2, () => random.pick(actions)),
      })),
    }),
  );
  const assignments = several(random, 12, () => random.pick(PEOPLE)).map(
    (principalId, index): RoleAssignment => ({
      id: String(index),
      principalId,
      // Some are of definitions that are gone.
      roleDefinitionId: `role-${random.integer(0, definitions.length)}`,
      scope: random.pick(SCOPES),
    }),
  );
  return { definitions, assignments };
}

/** As the rules are written down, one after the other, without a thought for speed. */
function mayByTheBook({ definitions, assignments }: Graph, { principalId, groups, action, scope }: Question): boolean {
  for (const assignment of assignments) {
    const isMine = [principalId, ...groups].indexOf(assignment.principalId) >= 0;
    const isAbove =
      assignment.scope === '/' ||
      scope === assignment.scope ||
      (assignment.scope === '/keys' && /^\/keys\/./.test(scope));
    for (const { id, permissions } of definitions) {
      if (id !== assignment.roleDefinitionId) continue;
      for (const { dataActions, notDataActions } of permissions) {
        const isGranted =
          dataActions.some((each) => each === action) && !notDataActions.some((each) => each === action);
        if (isMine && isAbove && isGranted) return true;
      }
    }
  }
  return false;
}

campaign('role_graphs', (t, run) => {
  const { random, count: graphs } = run;
  let [allowed, denied] = [0, 0];
  for (; run.done < graphs; run.done++) {
    const actions = random.shuffled(DATA_ACTIONS).slice(0, random.integer(1, 6));
    const graph = randomGraph(random, actions);
    const authorizer = new Authorizer(new Map(graph.definitions.map((each) => [each.id, each])), graph.assignments);
    for (let asked = 0; asked < QUESTIONS; asked++) {
      const question: Question = {
        principalId: random.pick(PEOPLE),
        groups: several(random, 3, () => random.pick(PEOPLE)),
        action: random.pick(actions),
        scope: random.pick(SCOPES),
      };
      const { principalId: objectId, groups, action, scope } = question;
      const expected = mayByTheBook(graph, question);
      const decided = authorizer.allows({ objectId, groups, tenantId: 't', applicationId: undefined }, action, scope);
      const { allowedBy } = explainAccess(question, graph.definitions, graph.assignments);
      if (decided !== expected || allowedBy.length > 0 !== expected) {
        run.fail(JSON.stringify({ graph, question, expected, decided, allowedBy }));
        return;
      }
      if (expected) allowed += 1;
      else denied += 1;
    }
  }
  run.measure('allowed', allowed);
  run.measure('denied', denied);
  t.true(allowed > graphs && denied > graphs);
});
