import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { Chromium, NO_CHROMIUM } from '../../fixtures/chromium.ts';
import { testUnless } from '../../fixtures/test_unless.ts';
import { ALICE, PASSWORD, SignInSite } from '../sign_in_site.ts';
import { LOGIN_HOST } from '../test_server.ts';

const EVIL = `"><script>window.harm=1</script><img src=x onerror='window.harm=1'>`;

interface Opened {
  readonly browser: Chromium;
  readonly site: SignInSite;
}

async function open(t: ExecutionContext, displayName = 'Key tool'): Promise<Opened> {
  const site = await SignInSite.open({ desktop: { displayName } });
  const browser = await Chromium.open(LOGIN_HOST, site.server.port);
  t.teardown(async () => {
    await browser.close();
    await site.server.server.close();
  });
  return { browser, site };
}

/** A site of somebody else, with one page; and what comes back to it. */
async function otherSite(
  t: ExecutionContext,
  page: string,
): Promise<{ readonly origin: string; readonly visits: string[] }> {
  const visits: string[] = [];
  const server = createServer(({ url = '', method = '' }, response) => {
    visits.push(`${method} ${url}`);
    response.setHeader('content-type', 'text/html').end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { origin: `http://localhost:${(server.address() as AddressInfo).port}`, visits };
}

const testInBrowser = testUnless(NO_CHROMIUM);

testInBrowser.serial(
  'a person signs in with the keyboard alone, and is sent back to the program with a code',
  async (t) => {
    const { browser, site } = await open(t);
    const program = await otherSite(t, '<title>Done</title>');
    await browser.open(site.origin + site.authorizePath({ redirect_uri: program.origin }));
    await browser.waitFor('document.activeElement?.id === "user_name"');
    await browser.type(ALICE);
    await browser.press('Tab');
    await browser.type('a wrong password');
    await browser.press('Enter');
    await browser.waitFor(
      'document.querySelector("[role=alert]") !== null && document.activeElement?.id === "password"',
    );
    t.is(await browser.evaluate('document.getElementById("user_name").value'), ALICE);
    t.deepEqual(await browser.evaluate('getComputedStyle(document.querySelector("main")).maxWidth'), '480px');
    await browser.type(PASSWORD);
    await browser.press('Enter');
    await browser.waitFor('document.title === "Done"');
    t.is(await browser.evaluate('document.referrer'), '');
    const url = new URL(String(await browser.evaluate('location.href')));
    t.is(url.searchParams.get('state'), 'a state');
    const redeemed = await site.redeem(url.searchParams.get('code') ?? '', { redirect_uri: program.origin });
    t.is(redeemed.status, 200);
  },
);

testInBrowser.serial('a code is sent back in a form where the program asks for that', async (t) => {
  const { browser, site } = await open(t);
  const program = await otherSite(t, '<title>Done</title>');
  const changes = { redirect_uri: program.origin, response_mode: 'form_post', login_hint: ALICE };
  await browser.open(site.origin + site.authorizePath(changes));
  await browser.waitFor('document.activeElement?.id === "password"');
  await browser.type(PASSWORD);
  await browser.press('Enter');
  await browser.waitFor('document.title.startsWith("One more step") && document.activeElement?.tagName === "BUTTON"');
  await browser.press('Enter');
  await browser.waitFor('document.title === "Done"');
  t.deepEqual(
    program.visits.filter((visit) => !visit.includes('favicon')),
    ['POST /'],
  );
});

testInBrowser.serial('a device is let in with the keyboard alone', async (t) => {
  const { browser, site } = await open(t);
  const { json } = await site.post('/adfs/oauth2/v2.0/devicecode', {
    client_id: site.desktop.clientId,
    scope: site.scope,
  });
  await browser.open(`${site.origin}/device`);
  await browser.waitFor('document.activeElement?.id === "user_code"');
  await browser.type(String(json.user_code).toLowerCase());
  await browser.press('Enter');
  await browser.waitFor('document.activeElement?.id === "user_name"');
  await browser.type(ALICE);
  await browser.press('Tab');
  await browser.type(PASSWORD);
  await browser.press('Enter');
  await browser.waitFor('document.title.startsWith("You are signed in")');
  const reply = await site.token({ grant_type: 'device_code', device_code: String(json.device_code) });
  t.is(reply.status, 200);
});

testInBrowser.serial('markup in the name of the application and in what it sends does nothing', async (t) => {
  const { browser, site } = await open(t, EVIL);
  await browser.open(site.origin + site.authorizePath({ login_hint: EVIL, state: EVIL, nonce: EVIL }));
  await browser.waitFor('document.activeElement?.id === "password"');
  t.is(await browser.evaluate('window.harm'), undefined);
  t.is(await browser.evaluate('document.scripts.length + document.images.length'), 0);
  t.is(await browser.evaluate('document.getElementById("user_name").value'), EVIL);
  t.deepEqual(browser.complaints, []);
});

testInBrowser.serial('another site cannot frame the page', async (t) => {
  const { browser, site } = await open(t);
  const address = site.origin + site.authorizePath();
  const other = await otherSite(t, `<title>Frame</title><iframe src="${address.replaceAll('&', '&amp;')}"></iframe>`);
  await browser.open(other.origin);
  await browser.waitFor('document.title === "Frame" && document.readyState === "complete"');
  await browser.complained(/frame-ancestors|X-Frame-Options/i);
  t.pass();
});

testInBrowser.serial('another site cannot send the form, though the browser has opened the page before', async (t) => {
  const { browser, site } = await open(t);
  const path = site.authorizePath();
  await browser.open(site.origin + path);
  await browser.waitFor('document.activeElement?.id === "user_name"');
  const { token } = await site.open(path);
  const fields = { form_token: token, user_name: ALICE, password: PASSWORD, decision: 'allow' };
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
  const action = (site.origin + path).replaceAll('&', '&amp;');
  const page = `<title>Other</title><form method="post" action="${action}">${inputs.join('')}</form><script>document.forms[0].submit()</script>`;
  await browser.open((await otherSite(t, page)).origin);
  await browser.waitFor('document.title.startsWith("This does not work")');
  t.regex(String(await browser.evaluate('document.body.innerText')), /was not opened here/);
});
