import { badParameter } from './errors.ts';
import { LIMITS } from './limits.ts';

/** What is to happen to a key by itself as its versions age (Azure API §1.11). Durations as ISO 8601 has them: `P90D`, `P1Y10D`. */
export interface RotationPolicy {
  readonly lifetimeActions: readonly LifetimeAction[];
  /** How long a version made by rotation is valid: its `exp`. */
  readonly expiryTime: string | undefined;
  /** Unix seconds. */
  readonly created: number;
  readonly updated: number;
}

export interface LifetimeAction {
  readonly action: 'Rotate' | 'Notify';
  readonly timeAfterCreate: string | undefined;
  readonly timeBeforeExpiry: string | undefined;
}

/** What the rules are about: the policy without the times at which it was set. */
export type RotationRules = Pick<RotationPolicy, 'lifetimeActions' | 'expiryTime'>;

interface Duration {
  readonly months: number;
  readonly seconds: number;
}

const DURATION = /^P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const SECONDS_PER_DAY = 86_400;
/** For comparisons of durations alone. Dates are reckoned by the calendar. */
const DAYS_PER_YEAR = 365;
const DAYS_PER_MONTH = 30;

/** Years and months are as long as the calendar has them; all else is seconds. Undefined when it is no duration. */
function parseDuration(text: string): Duration | undefined {
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  const [years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1)
    .map((digits) => Number(digits ?? 0));
  return {
    months: years * 12 + months,
    seconds: (weeks * 7 + days) * SECONDS_PER_DAY + hours * 3_600 + minutes * 60 + seconds,
  };
}

/** Without a calendar: a year has 365 days, a month that is not part of one 30. */
function nominalDays({ months, seconds }: Duration): number {
  return Math.floor(months / 12) * DAYS_PER_YEAR + (months % 12) * DAYS_PER_MONTH + seconds / SECONDS_PER_DAY;
}

/** @throws StrongroomError `BadParameter` */
function requireDuration(parameter: string, text: string): number {
  const duration = typeof text === 'string' ? parseDuration(text) : undefined;
  const days = duration === undefined ? 0 : nominalDays(duration);
  if (days > 0 && days <= LIMITS.rotationDaysMost) return days;
  throw badParameter(parameter, `an ISO 8601 duration of at most ${LIMITS.rotationDaysMost} days (P90D, P1Y10D)`, text);
}

/**
 * The rules themselves, when they are within Azure's.
 * @throws StrongroomError `BadParameter`
 */
export function requireRotationRules({ lifetimeActions, expiryTime }: RotationRules): RotationRules {
  const validDays = expiryTime === undefined ? undefined : requireDuration('expiryTime', expiryTime);
  if (validDays !== undefined && validDays < LIMITS.rotationDaysLeast) {
    throw badParameter('expiryTime', `at least ${LIMITS.rotationDaysLeast} days`, expiryTime);
  }
  const kinds = lifetimeActions.map(({ action }) => action);
  for (const kind of kinds) {
    if (kind !== 'Rotate' && kind !== 'Notify') throw badParameter('action.type', 'Rotate or Notify', kind);
  }
  if (new Set(kinds).size !== kinds.length) {
    throw badParameter('lifetimeActions', 'at most one Rotate and one Notify', kinds.join(', '));
  }
  for (const action of lifetimeActions) requireTrigger(action, validDays);
  return {
    lifetimeActions: lifetimeActions.map(({ action, timeAfterCreate, timeBeforeExpiry }) => ({
      action,
      timeAfterCreate,
      timeBeforeExpiry,
    })),
    expiryTime,
  };
}

function requireTrigger({ action, timeAfterCreate, timeBeforeExpiry }: LifetimeAction, validDays: number | undefined) {
  if (timeAfterCreate !== undefined) {
    if (action !== 'Rotate') throw badParameter('timeAfterCreate', 'nothing for Notify', timeAfterCreate);
    if (requireDuration('timeAfterCreate', timeAfterCreate) < LIMITS.rotationDaysLeast) {
      throw badParameter('timeAfterCreate', `at least ${LIMITS.rotationDaysLeast} days`, timeAfterCreate);
    }
  }
  if (timeBeforeExpiry === undefined) return;
  const daysBefore = requireDuration('timeBeforeExpiry', timeBeforeExpiry);
  if (action === 'Notify') {
    if (validDays === undefined || daysBefore <= validDays) return;
    throw badParameter('timeBeforeExpiry', 'at most expiryTime', timeBeforeExpiry);
  }
  // A version that does not expire is never a time before its expiry.
  if (validDays === undefined) throw badParameter('expiryTime', 'a duration, as timeBeforeExpiry needs it', validDays);
  if (daysBefore > validDays - LIMITS.rotationDaysLeast) {
    const expected = `at most expiryTime less ${LIMITS.rotationDaysLeast} days`;
    throw badParameter('timeBeforeExpiry', expected, timeBeforeExpiry);
  }
}

/** Without rules there is no policy. */
export function isWithoutRules({ lifetimeActions, expiryTime }: RotationRules): boolean {
  return lifetimeActions.length === 0 && expiryTime === undefined;
}

/** In unix seconds, by the calendar of UTC: a month after the 31st of January is the last of February. */
export function laterBy(seconds: number, duration: string): number {
  return moved(seconds, requireParsed(duration), 1);
}

function earlierBy(seconds: number, duration: string): number {
  return moved(seconds, requireParsed(duration), -1);
}

function requireParsed(text: string): Duration {
  const duration = parseDuration(text);
  if (duration === undefined) throw new TypeError(`${text} is no duration.`);
  return duration;
}

function moved(seconds: number, duration: Duration, sign: 1 | -1): number {
  const date = new Date(seconds * 1000);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + sign * duration.months);
  const daysOfMonth = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, daysOfMonth));
  return Math.floor(date.getTime() / 1000) + sign * duration.seconds;
}

/** Of the newest version of a key. */
export interface RotatedVersion {
  readonly created: number;
  readonly expires: number | undefined;
  readonly enabled: boolean;
}

/**
 * When the newest version of a key is to be followed by another, in unix seconds; undefined when that is never. A disabled key is not
 * rotated, because that would enable it.
 */
export function nextRotation(
  policy: RotationRules | undefined,
  { created, expires, enabled }: RotatedVersion,
): number | undefined {
  const rotation = policy?.lifetimeActions.find(({ action }) => action === 'Rotate');
  if (rotation === undefined || !enabled) return undefined;
  const { timeAfterCreate, timeBeforeExpiry } = rotation;
  const times: number[] = [];
  if (timeAfterCreate !== undefined) times.push(laterBy(created, timeAfterCreate));
  if (timeBeforeExpiry !== undefined && expires !== undefined) times.push(earlierBy(expires, timeBeforeExpiry));
  return times.length === 0 ? undefined : Math.max(0, Math.min(...times));
}
