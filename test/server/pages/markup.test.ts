import test from 'ava';
import { html, Markup } from '../../../src/server/pages/markup.ts';

test('text becomes text, wherever it stands', (t) => {
  const evil = `"><script>alert('&')</script>`;
  const { text } = html`<p title="${evil}">${evil}</p>`;
  const escaped = '&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;';
  t.is(text, `<p title="${escaped}">${escaped}</p>`);
});

test('markup stays markup, in lists too, and what is not there leaves nothing', (t) => {
  const items = ['a', '<'].map((item) => html`<li>${item}</li>`);
  t.is(html`<ul>${items}</ul>${undefined}${new Markup('<hr>')}`.text, '<ul><li>a</li><li>&lt;</li></ul><hr>');
});
