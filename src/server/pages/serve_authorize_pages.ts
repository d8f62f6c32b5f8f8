import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuthorizationRequest, ReplyAddress } from '../../identity/embedded/authorization_request.ts';
import { EntraError } from '../../identity/embedded/entra_error.ts';
import { issuerName } from '../../identity/embedded/token_mint.ts';
import { callerAddress, formOf, issuerOrigin, tenantOf } from '../issuer_request.ts';
import { checkForm, guardForm } from './form_guard.ts';
import type { PageParts } from './page_parts.ts';
import { recordSignIn } from './record_sign_in.ts';
import { replyPage } from './reply_page.ts';
import { complaintAbout, requireEntraError, sendPage } from './send_page.ts';
import { signInPage } from './sign_in_page.ts';

const PATHS = ['/:tenant/oauth2/v2.0/authorize', '/:tenant/oauth2/authorize'] as const;

/** What came to the page, with where its answer goes. */
interface Visit {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly asked: AuthorizationRequest;
}

/** The authorization endpoint (RFC 6749 §3.1): a page to sign in, whose form comes back to the address that it has been opened with. */
export function serveAuthorizePages(app: FastifyInstance, parts: PageParts): void {
  const { signIns, hsm } = parts;
  const visited = async (
    request: FastifyRequest,
    reply: FastifyReply,
    visit: (visit: Visit) => FastifyReply | Promise<FastifyReply>,
  ): Promise<FastifyReply> => {
    const { search } = new URL(request.raw.url ?? '', issuerOrigin(request));
    const query = new URLSearchParams(search);
    const address = signIns.replyAddress(tenantOf(request), query);
    let asked: AuthorizationRequest;
    try {
      asked = signIns.request(query, address);
    } catch (thrown) {
      return sendError(request, reply, address, requireEntraError(thrown));
    }
    return visit({ request, reply, asked });
  };
  const showForm = ({ request, reply, asked }: Visit, userName: string, error?: EntraError): FastifyReply => {
    const { token, cookie } = guardForm(request.headers, request.raw.url ?? '');
    const complaint = error === undefined ? undefined : complaintAbout(error);
    reply.header('set-cookie', cookie);
    return sendPage(reply, signInPage(asked, hsm, { token, userName, complaint, status: error?.status ?? 200 }));
  };

  const takeForm = async (visit: Visit): Promise<FastifyReply> => {
    const { request, reply, asked } = visit;
    const form = formOf(request);
    checkForm(request.headers, issuerOrigin(request), request.raw.url ?? '', form.get('form_token'));
    if (form.get('decision') !== 'allow') {
      return sendError(request, reply, asked.reply, new EntraError('consentDeclined', 'The user declined.'));
    }
    const { tenant, application } = asked.reply;
    const userName = form.get('user_name') ?? '';
    const shown = { userName, password: form.get('password') ?? '', address: callerAddress(request) };
    const signIn = () => signIns.allow(asked, shown);
    try {
      const code = await recordSignIn(parts, request, { tenant, application, userName }, signIn);
      return sendReply(request, reply, asked.reply, { code });
    } catch (thrown) {
      return showForm(visit, userName, requireEntraError(thrown));
    }
  };

  for (const path of PATHS) {
    app.get(path, (request, reply) => visited(request, reply, (visit) => showForm(visit, visit.asked.loginHint)));
    app.post(path, (request, reply) => visited(request, reply, takeForm));
  }
}

function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  address: ReplyAddress,
  { error, description }: EntraError,
): FastifyReply {
  return sendReply(request, reply, address, { error, error_description: description });
}

/** With the issuer's name, for applications that use several (RFC 9207). 303, so that no browser sends the password on. */
function sendReply(
  request: FastifyRequest,
  reply: FastifyReply,
  address: ReplyAddress,
  outcome: Readonly<Record<string, string>>,
): FastifyReply {
  const { redirectUri, responseMode, state, tenant } = address;
  const iss = issuerName(issuerOrigin(request), tenant.id);
  const members = { ...outcome, ...(state === undefined ? {} : { state }), iss };
  if (responseMode === 'form_post') return sendPage(reply, replyPage(address, members));
  const separator = redirectUri.includes('?') ? '&' : '?';
  return reply
    .code(303)
    .headers({
      location: `${redirectUri}${separator}${new URLSearchParams(members)}`,
      'referrer-policy': 'no-referrer',
    })
    .send();
}
