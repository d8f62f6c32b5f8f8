import { html } from './markup.ts';
import type { Page } from './page.ts';

/** Says how something ended. */
export function noticePage(status: number, title: string, text: string): Page {
  return { status, title, content: html`<p>${text}</p>` };
}
