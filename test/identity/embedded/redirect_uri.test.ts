import test from 'ava';
import { isRedirectUri, isRegistered } from '../../../src/identity/embedded/redirect_uri.ts';

const GOOD = [
  'https://app.example/callback',
  'https://app.example',
  'https://app.example:8443/cb?tenant=1',
  'http://localhost',
  'http://localhost:4000/auth',
  'http://127.0.0.1/cb',
  'http://[::1]:9/cb',
  'com.example.app://auth',
  'msal11111111-2222-3333-4444-555555555555://auth',
];

const BAD = [
  '',
  'app.example/callback',
  '//app.example',
  'http://app.example/callback',
  'http://localhost.evil.example/',
  'http://localhost@evil.example/',
  'https://user:pass@app.example/',
  'https://app.example/#fragment',
  'https://app.example/\\@evil.example',
  'https://app.example;script-src/',
  'https://app.example/a b',
  'https://app.example/\r\nlocation:x',
  'https://äpp.example/',
  'javascript:alert(1)',
  'javascript://x.example/%0aalert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'file:///etc/passwd',
  'blob:https://app.example/x',
  `https://app.example/${'a'.repeat(2_048)}`,
];

for (const uri of GOOD) {
  test(`${uri} may be registered`, (t) => t.true(isRedirectUri(uri)));
}
for (const uri of BAD) {
  test(`${JSON.stringify(uri.slice(0, 60))} may not be registered, nor matches when it is`, (t) => {
    t.false(isRedirectUri(uri));
    t.false(isRegistered(uri, [uri], true));
  });
}

const MATCHES: readonly [registered: string, asked: string, publicClient: boolean, confidentialClient: boolean][] = [
  ['https://app.example/cb', 'https://app.example/cb', true, true],
  ['https://app.example/cb', 'https://app.example/cb/', false, false],
  ['https://app.example/cb', 'https://app.example/CB', false, false],
  ['https://app.example/cb', 'https://APP.example/cb', false, false],
  ['https://app.example/cb', 'https://app.example/cb?x=1', false, false],
  ['https://app.example/cb', 'https://app.example:8443/cb', false, false],
  ['https://app.example/cb', 'https://app.example/cb/../evil', false, false],
  ['https://app.example/cb', 'https://app.example.evil.example/cb', false, false],
  ['http://localhost', 'http://localhost:49152', true, false],
  ['http://localhost', 'http://localhost:49152/', true, false],
  ['http://localhost', 'http://localhost', true, true],
  ['http://localhost/cb', 'http://localhost:1/cb', true, false],
  ['http://localhost/cb', 'http://localhost:1/other', false, false],
  ['http://localhost:8400/cb', 'http://localhost:1/cb', true, false],
  ['http://localhost', 'http://127.0.0.1:1', false, false],
  ['http://127.0.0.1/cb', 'http://127.0.0.1:1/cb', true, false],
  ['http://[::1]/cb', 'http://[::1]:1/cb', true, false],
  ['http://localhost', 'https://localhost:1', false, false],
  ['http://localhost', 'http://localhost:1@evil.example', false, false],
];

for (const [registered, asked, publicClient, confidentialClient] of MATCHES) {
  test(`${asked} ${publicClient ? 'is' : 'is not'} ${registered} for a public client`, (t) => {
    t.is(isRegistered(asked, [registered], true), publicClient);
    t.is(isRegistered(asked, [registered], false), confidentialClient);
  });
}
