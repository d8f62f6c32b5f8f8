import { badParameter, StrongroomError } from '../../model/errors.ts';

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** In lower case, as everything that is compared. @throws StrongroomError `BadParameter` */
export function readGuid(parameter: string, text: string): string {
  if (!GUID.test(text)) throw badParameter(parameter, 'a GUID', text);
  return text.toLowerCase();
}

/** The name of a role definition or role assignment in a path. @throws StrongroomError `BadParameter`, in Azure's words */
export function readRoleGuid(what: 'definition' | 'assignment', text = ''): string {
  if (!GUID.test(text)) throw new StrongroomError('BadParameter', `Role ${what} name must be a GUID`);
  return text.toLowerCase();
}
