import test from 'ava';
import { EntraError } from '../../../src/identity/embedded/entra_error.ts';
import { checkForm, guardForm } from '../../../src/server/pages/form_guard.ts';

const ORIGIN = 'https://login.localhost:8443';
const URL_OF_FORM = '/adfs/oauth2/v2.0/authorize?client_id=x';
const { token, cookie } = guardForm({}, URL_OF_FORM);
const kept = cookie.split(';')[0] ?? '';

test('the cookie is of this host alone, over TLS alone, and out of reach of scripts and of forms of other sites', (t) => {
  t.regex(cookie, /^__Host-[a-z-]+=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600$/);
  t.false(cookie.includes(token));
});

test('a form comes back from its own page', (t) => {
  t.notThrows(() => checkForm({ cookie: kept }, ORIGIN, URL_OF_FORM, token));
  t.notThrows(() =>
    checkForm(
      { cookie: `other=1; ${kept}`, origin: ORIGIN, 'sec-fetch-site': 'same-origin' },
      ORIGIN,
      URL_OF_FORM,
      token,
    ),
  );
});

test('a browser that has a cookie keeps it, so that two forms can be open at once', (t) => {
  const second = guardForm({ cookie: kept }, '/device');
  t.is(second.cookie, cookie);
  t.not(second.token, token);
});

const other = guardForm({}, URL_OF_FORM);
const FOREIGN: readonly [what: string, headers: Record<string, string>, url: string, token: string | null][] = [
  ['without a token', { cookie: kept }, URL_OF_FORM, null],
  ['with an empty token', { cookie: kept }, URL_OF_FORM, ''],
  ['without the cookie', {}, URL_OF_FORM, token],
  ['with the token of another browser', { cookie: kept }, URL_OF_FORM, other.token],
  ['with the cookie as the token', { cookie: kept }, URL_OF_FORM, kept.split('=')[1] ?? ''],
  ['with the token of another page', { cookie: kept }, '/device', token],
  ['with two cookies', { cookie: `${kept}; ${other.cookie.split(';')[0]}` }, URL_OF_FORM, token],
  ['with a cookie of no length', { cookie: '__Host-strongroom-form=' }, URL_OF_FORM, token],
  ['from another origin', { cookie: kept, origin: 'https://evil.example' }, URL_OF_FORM, token],
  ['from an origin that is kept back', { cookie: kept, origin: 'null' }, URL_OF_FORM, token],
  ['from another site', { cookie: kept, 'sec-fetch-site': 'cross-site' }, URL_OF_FORM, token],
  ['from a sibling host', { cookie: kept, 'sec-fetch-site': 'same-site' }, URL_OF_FORM, token],
];

for (const [what, headers, url, given] of FOREIGN) {
  test(`a form ${what} is refused`, (t) => {
    const error = t.throws(() => checkForm(headers, ORIGIN, url, given), { instanceOf: EntraError });
    t.is(error?.code, 'formForeign');
  });
}
