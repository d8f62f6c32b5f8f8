import type { FastifyReply } from 'fastify';
import { EntraError, type EntraErrorCode } from '../../identity/embedded/entra_error.ts';
import { noticePage } from './notice_page.ts';
import { type Page, pageHeaders, pageText } from './page.ts';

export function sendPage(reply: FastifyReply, page: Page): FastifyReply {
  return reply.code(page.status).headers(pageHeaders(page)).send(pageText(page));
}

/** For people: those of the protocol are for programs. */
const COMPLAINTS: Partial<Record<EntraErrorCode, string>> = {
  wrongPassword: 'The user name or the password is not right.',
  userLockedOut: 'There were too many wrong passwords. Wait for some minutes, then try again.',
  userDisabled: 'This account is switched off. Ask your administrator.',
  tooManyRequests: 'There were too many attempts. Wait for some seconds, then try again.',
  userCodeUnknown: 'This code is not known, has expired, or has been used.',
  formForeign: 'This form is too old, or was not opened here. Go back, and start again from the application.',
};

export function complaintAbout(error: EntraError): string {
  return COMPLAINTS[error.code] ?? error.description;
}

/** What is no complaint to a person is thrown on. */
export function requireEntraError(thrown: unknown): EntraError {
  if (thrown instanceof EntraError) return thrown;
  throw thrown;
}

/** What went wrong, to the person, where there is nobody else to tell. */
export function sendRefusal(reply: FastifyReply, error: EntraError): FastifyReply {
  return sendPage(reply, noticePage(error.status, 'This does not work', complaintAbout(error)));
}
