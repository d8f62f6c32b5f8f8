import { badParameter } from '../model/errors.ts';
import type { Call } from './route.ts';

/** As names of tokens are; the label of a single one may be any text, and is not repeated in the log unless it looks like one. */
const NAME = /^[0-9A-Za-z][0-9A-Za-z-]{0,31}$/;

/** The name in the path, which is what the audit log has of it from now on. */
export function tokenTarget({ exchange }: Call): string {
  const { token: name = '' } = exchange.target.parameters;
  if (NAME.test(name)) exchange.audit.target = `tokens/${name}`;
  return name;
}

/** `?leaveKeys=true`. @throws StrongroomError `BadParameter` */
export function readLeaveKeys({ exchange }: Call): boolean {
  const { leaveKeys = 'false' } = exchange.target.query;
  if (leaveKeys === 'true' || leaveKeys === 'false') return leaveKeys === 'true';
  throw badParameter('leaveKeys', 'true or false', leaveKeys);
}
