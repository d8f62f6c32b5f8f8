import test from 'ava';
import type { EntraError } from '../../../src/identity/embedded/entra_error.ts';
import { ALICE, answerOf, formOn, PASSWORD, SignInSite } from '../sign_in_site.ts';
import type { Reply } from '../test_server.ts';

const EVIL = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`;
const site = await SignInSite.open({ desktop: { displayName: EVIL } });
test.after.always(() => site.server.server.close());

const PAGES: readonly [what: string, open: () => Promise<Reply>][] = [
  ['to sign in', () => site.get(site.authorizePath())],
  ['after a wrong password', () => site.signIn(undefined, { user_name: 'dave@contoso.example', password: 'wrong' })],
  ['that refuses', () => site.get(site.authorizePath({ redirect_uri: 'https://evil.example' }))],
  ['with a form for the application', () => site.signIn(site.authorizePath({ response_mode: 'form_post' }))],
  ['for the code of a device', () => site.get('/device')],
];

for (const [what, open] of PAGES) {
  test(`the page ${what} loads nothing, runs nothing, is framed by nobody and kept nowhere`, async (t) => {
    const { headers, text } = await open();
    const policy = String(headers['content-security-policy']);
    t.regex(
      policy,
      /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]+='; form-action 'self'[^;]*; frame-ancestors 'none'; base-uri 'none'$/,
    );
    t.false(policy.includes('unsafe'));
    t.like(headers, {
      'content-type': 'text/html; charset=utf-8',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store, no-cache',
    });
    t.regex(String(headers['strict-transport-security']), /max-age=31536000/);
    t.notRegex(text, /<script|<img|<link|<iframe|<[^>]*\son[a-z]+=|javascript:|https?:\/\/(?!(?:login\.)?localhost)/i);
  });

  test(`the page ${what} tells programs that read pages aloud what it is`, async (t) => {
    const { text } = await open();
    t.regex(text, /<html lang="en">/);
    t.regex(text, /<title>[^<]+<\/title>/);
    t.is(text.match(/<h1>/g)?.length, 1);
    t.is(text.match(/<main>/g)?.length, 1);
    const fields = [...text.matchAll(/<input (?!type="hidden")[^>]*\sid="([^"]+)"/g)].map(([, id]) => id);
    for (const id of fields) t.true(text.includes(`<label for="${id}">`), id);
    t.notRegex(text, /tabindex="[1-9]/);
  });
}

const TEXTS: readonly [where: string, path: () => string][] = [
  ['the name of the application', () => site.authorizePath()],
  ['login_hint', () => site.authorizePath({ login_hint: EVIL })],
  ['state', () => site.authorizePath({ state: EVIL })],
  ['nonce', () => site.authorizePath({ nonce: EVIL })],
  ['an unknown parameter', () => `${site.authorizePath()}&${encodeURIComponent(EVIL)}=${encodeURIComponent(EVIL)}`],
  ['redirect_uri', () => site.authorizePath({ redirect_uri: EVIL })],
  ['client_id', () => site.authorizePath({ client_id: EVIL })],
  ['tenant', () => `/${encodeURIComponent('<script>')}/oauth2/v2.0/authorize`],
];

for (const [where, path] of TEXTS) {
  test(`markup in ${where} is text on the page`, async (t) => {
    const { text } = await site.get(path());
    t.notRegex(text, /<script|<img/);
  });
}

test('markup in the user name is text on the page that comes back', async (t) => {
  const { text } = await site.signIn(undefined, { user_name: EVIL });
  t.regex(text, /value="&quot;&gt;&lt;script&gt;/);
  t.notRegex(text, /<script|<img/);
});

test('markup in state comes back to the application letter for letter', async (t) => {
  t.is(answerOf(await site.signIn(site.authorizePath({ state: EVIL }))).get('state'), EVIL);
});

test('the page says which application asks, for which HSM, and where it leads', async (t) => {
  const { text } = await site.get(site.authorizePath());
  t.true(text.includes('demo.managedhsm.localhost'));
  t.true(text.includes('a program on this computer'));
  t.true(text.includes('&lt;script&gt;alert(1)'));
});

test('a login_hint is filled in, and the password has the focus', async (t) => {
  const { text } = await site.get(site.authorizePath({ login_hint: ALICE }));
  t.regex(text, new RegExp(`name="user_name"[^>]* value="${ALICE}"`));
  t.regex(text, /name="password"[^>]* autofocus/);
});

test('the password is never sent back', async (t) => {
  const { text } = await site.signIn(undefined, { user_name: 'dave@contoso.example', password: 'a wrong password' });
  t.false(text.includes('a wrong password'));
});

const FORGERIES: readonly [what: string, form: Record<string, string>, headers: Record<string, string>][] = [
  ['without its token', { form_token: '' }, {}],
  ['with a made-up token', { form_token: 'x'.repeat(43) }, {}],
  ['without its cookie', {}, { cookie: '' }],
  ['with another cookie', {}, { cookie: `__Host-strongroom-form=${'x'.repeat(43)}` }],
  ['from another origin', {}, { origin: 'https://evil.example' }],
  ['from an origin that is kept back', {}, { origin: 'null' }],
  ['from another site', {}, { 'sec-fetch-site': 'cross-site' }],
];

for (const [what, form, headers] of FORGERIES) {
  test(`a form ${what} signs nobody in, though the password is right`, async (t) => {
    const reply = await site.signIn(undefined, form, headers);
    t.is(reply.status, 403);
    t.is(reply.headers.location, undefined);
    t.false(reply.text.includes('code='));
  });
}

test('the token of one authorization request is not that of another', async (t) => {
  const { cookie, token } = await site.open(site.authorizePath());
  const form = { form_token: token, user_name: ALICE, password: PASSWORD, decision: 'allow' };
  const reply = await site.post(site.authorizePath({ state: 'another' }), form, { cookie, origin: site.origin });
  t.is(reply.status, 403);
});

test('a form that is no form is refused', async (t) => {
  const { cookie } = await site.open(site.authorizePath());
  const reply = await site.post(site.authorizePath(), {}, { cookie, 'content-type': 'application/json' });
  t.is(reply.status, 400);
  t.regex(String(reply.headers['content-type']), /^text\/html/);
});

const COMPLAINTS: readonly [who: string, userName: string, password: string, complaint: RegExp][] = [
  ['nobody', 'nobody@contoso.example', PASSWORD, /The user name or the password is not right/],
  ['a user with a wrong password', 'dave@contoso.example', 'wrong', /The user name or the password is not right/],
  ['a user without a password', 'without@contoso.example', '', /The user name or the password is not right/],
  ['a disabled user with the right password', 'disabled@contoso.example', PASSWORD, /This account is switched off/],
  [
    'a disabled user with a wrong password',
    'disabled@contoso.example',
    'wrong',
    /The user name or the password is not right/,
  ],
];

for (const [who, userName, password, complaint] of COMPLAINTS) {
  test(`${who} is told so on the page, and gets no code`, async (t) => {
    const reply = await site.signIn(undefined, { user_name: userName, password });
    t.is(reply.status, 400);
    t.is(reply.headers.location, undefined);
    t.regex(reply.text, /role="alert"/);
    t.regex(reply.text, complaint);
  });
}

test('the page for nobody and the page for somebody differ in the name alone', async (t) => {
  const pageFor = async (userName: string) => {
    const page = await site.signIn(undefined, { user_name: userName, password: 'wrong' });
    return `${page.status} ${page.text.replaceAll(userName, 'NAME').replace(formOn(page).token, 'TOKEN')}`;
  };
  t.is(await pageFor('nobody1@contoso.example'), await pageFor('bob@contoso.example'));
});

test('a user is locked out after ten wrong passwords, and the right one does not help', async (t) => {
  const { signIns } = site.server.issuer;
  const { reply, ...asked } = signIns.request(
    new URLSearchParams(site.authorizePath().split('?')[1]),
    signIns.replyAddress('adfs', new URLSearchParams(site.authorizePath().split('?')[1])),
  );
  const attempt = (address: string, password: string) =>
    signIns.allow({ reply, ...asked }, { userName: 'carol@contoso.example', password, address });
  for (let n = 0; n < 10; n++) await t.throwsAsync(attempt(`192.0.2.${n}`, 'wrong'));
  const error = await t.throwsAsync<EntraError>(attempt('192.0.2.10', PASSWORD));
  t.is(error?.code, 'userLockedOut');
  const page = await site.signIn(undefined, { user_name: 'carol@contoso.example' });
  t.is(page.status, 400);
  t.regex(page.text, /There were too many wrong passwords/);
});
