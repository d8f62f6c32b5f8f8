import { type Static, Type } from 'typebox';
import type { SetRotationPolicyRequest } from '../../engine/requests.ts';
import { badParameter } from '../../model/errors.ts';
import type { LifetimeAction, RotationPolicy } from '../../model/rotation_policy.ts';
import { Shape } from './shape.ts';

/** Null says the same as nothing. */
const duration = () =>
  Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], expected: 'a duration of ISO 8601' }));

/** KeyRotationPolicy (Azure API §1.11). */
export const ROTATION_POLICY = new Shape(
  Type.Object(
    {
      lifetimeActions: Type.Optional(
        Type.Array(
          Type.Object(
            {
              trigger: Type.Optional(
                Type.Object(
                  { timeAfterCreate: duration(), timeBeforeExpiry: duration() },
                  { expected: 'an object with timeAfterCreate or timeBeforeExpiry' },
                ),
              ),
              action: Type.Object(
                { type: Type.String({ expected: 'Rotate or Notify' }) },
                { expected: 'an object with a type' },
              ),
            },
            { expected: 'an object with trigger and action' },
          ),
          { expected: 'a list of lifetime actions' },
        ),
      ),
      attributes: Type.Optional(Type.Object({ expiryTime: duration() }, { expected: 'an object' })),
    },
    { expected: 'a JSON object' },
  ),
);

export type RotationPolicyBody = Static<typeof ROTATION_POLICY.schema>;
type LifetimeActionBody = NonNullable<RotationPolicyBody['lifetimeActions']>[number];

/** Durations are the engine's to read. @throws StrongroomError `BadParameter` */
export function readRotationPolicy(name: string, body: RotationPolicyBody): SetRotationPolicyRequest {
  return {
    name,
    lifetimeActions: (body.lifetimeActions ?? []).map(readLifetimeAction),
    expiryTime: body.attributes?.expiryTime ?? undefined,
  };
}

const ACTIONS: ReadonlyMap<string, LifetimeAction['action']> = new Map([
  ['rotate', 'Rotate'],
  ['notify', 'Notify'],
]);

function readLifetimeAction({ trigger, action }: LifetimeActionBody): LifetimeAction {
  const known = ACTIONS.get(action.type.toLowerCase());
  if (known === undefined) throw badParameter('lifetimeActions.action.type', 'Rotate or Notify', action.type);
  return {
    action: known,
    timeAfterCreate: trigger?.timeAfterCreate ?? undefined,
    timeBeforeExpiry: trigger?.timeBeforeExpiry ?? undefined,
  };
}

/** A key without a policy has one that says nothing: clients read members of `attributes` without looking. */
export function rotationPolicyBody(authority: string, name: string, policy: RotationPolicy | undefined): string {
  return JSON.stringify({
    id: `https://${authority}/keys/${name}/rotationpolicy`,
    lifetimeActions: (policy?.lifetimeActions ?? []).map(({ action, timeAfterCreate, timeBeforeExpiry }) => ({
      trigger: { timeAfterCreate, timeBeforeExpiry },
      action: { type: action },
    })),
    attributes: { expiryTime: policy?.expiryTime, created: policy?.created, updated: policy?.updated },
  });
}
