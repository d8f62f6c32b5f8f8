import { html } from './markup.ts';
import type { Page } from './page.ts';
import { asksFor, buttons, complaintOf, credentialFields, type FormState } from './sign_in_page.ts';

/** What a device asks for, in words for the person who is to allow it. */
export interface ShownDevice {
  readonly userCode: string;
  readonly application: string;
  readonly hsm: string;
  readonly address: string;
}

/** Where the code is typed that a device shows (RFC 8628 §3.3). */
export function deviceCodePage(form: FormState): Page {
  const described = form.complaint === undefined ? undefined : html` aria-describedby="complaint" aria-invalid="true"`;
  return {
    status: form.status,
    title: 'Enter the code',
    content: html`<p>Type the code that your device or program shows.</p>
${complaintOf(form)}
<form method="post">
<input type="hidden" name="form_token" value="${form.token}">
<label for="user_code">Code</label>
<input class="code" id="user_code" name="user_code" type="text" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="16"${described} autofocus>
<div class="buttons"><button>Next</button></div>
</form>`,
  };
}

/** Where the person sees what asks, signs in, and decides (RFC 8628 §5.4: a code may have been sent by somebody else). */
export function deviceDecisionPage(device: ShownDevice, form: FormState): Page {
  return {
    status: form.status,
    title: 'Is this your device?',
    content: html`<p><strong>${device.application}</strong> asks to use keys in your name, on a device that is not this one.</p>
${asksFor([
  ['Application', device.application],
  ['For the HSM', device.hsm],
  ['Asked from', device.address],
  ['Code', device.userCode],
])}
${complaintOf(form)}
<form method="post">
<input type="hidden" name="user_code" value="${device.userCode}">
${credentialFields(form)}
${buttons('Sign in and allow', 'Decline')}
</form>
<p class="note">Whoever has the device gets your rights. If somebody sent you this code, decline.</p>`,
  };
}
