import type { ReplyAddress } from '../../identity/embedded/authorization_request.ts';
import { html } from './markup.ts';
import type { Page } from './page.ts';
import { formTarget } from './sign_in_page.ts';

/** Carries the answer to the application in the body of a form that the person sends off (OAuth 2.0 Form Post Response Mode, without a script). */
export function replyPage({ application, redirectUri }: ReplyAddress, members: Readonly<Record<string, string>>): Page {
  const fields = Object.entries(members).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return {
    status: 200,
    title: 'One more step',
    formTargets: [formTarget(redirectUri)],
    content: html`<p>Go back to <strong>${application.displayName}</strong> to finish.</p>
<form method="post" action="${redirectUri}">
${fields}
<div class="buttons"><button autofocus>Continue</button></div>
</form>`,
  };
}
