import type { AuthorizationRequest } from '../../identity/embedded/authorization_request.ts';
import { html, type Markup } from './markup.ts';
import type { Page } from './page.ts';

/** What every page with a form has. */
export interface FormState {
  /** Against forgery. */
  readonly token: string;
  readonly userName: string;
  /** What went wrong the last time. */
  readonly complaint: string | undefined;
  readonly status: number;
}

/** Where a person lets an application act in their name (RFC 6749 §4.1). */
export function signInPage({ reply }: AuthorizationRequest, hsm: string, form: FormState): Page {
  const { application, redirectUri } = reply;
  return {
    status: form.status,
    title: 'Sign in',
    formTargets: [formTarget(redirectUri)],
    content: html`<p><strong>${application.displayName}</strong> asks to use keys in your name.</p>
${asksFor([
  ['Application', application.displayName],
  ['For the HSM', hsm],
  ['Sends you to', shownTarget(redirectUri)],
])}
${complaintOf(form)}
<form method="post">
${credentialFields(form)}
${buttons('Sign in', 'Cancel')}
</form>
<p class="note">Sign in only when you have just started this application yourself.</p>`,
  };
}

export function asksFor(rows: readonly (readonly [term: string, description: string])[]): Markup {
  return html`<dl>${rows.map(([term, description]) => html`<dt>${term}</dt><dd>${description}</dd>`)}</dl>`;
}

export function complaintOf({ complaint }: FormState): Markup | undefined {
  return complaint === undefined ? undefined : html`<p class="alarm" role="alert" id="complaint">${complaint}</p>`;
}

/** The field that is to be filled in next has the focus. */
export function credentialFields({ token, userName, complaint }: FormState): Markup {
  const described = complaint === undefined ? undefined : html` aria-describedby="complaint" aria-invalid="true"`;
  const [nameFocus, passwordFocus] = userName === '' ? [html` autofocus`, undefined] : [undefined, html` autofocus`];
  return html`<input type="hidden" name="form_token" value="${token}">
<label for="user_name">User name</label>
<input id="user_name" name="user_name" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="320" value="${userName}"${described}${nameFocus}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"${described}${passwordFocus}>`;
}

/** The first is what the Enter key does. */
export function buttons(yes: string, no: string): Markup {
  return html`<div class="buttons">
<button name="decision" value="allow">${yes}</button>
<button class="plain" name="decision" value="decline">${no}</button>
</div>`;
}

/** As a content security policy names it, which has no words for an IPv6 address, nor for a program's own scheme but its name. */
export function formTarget(redirectUri: string): string {
  const { protocol, origin, hostname } = new URL(redirectUri);
  return origin === 'null' || hostname.startsWith('[') ? protocol : origin;
}

function shownTarget(redirectUri: string): string {
  const { protocol, host } = new URL(redirectUri);
  if (protocol === 'http:') return 'a program on this computer';
  return protocol === 'https:' ? host : `the program that answers to ${protocol}`;
}
