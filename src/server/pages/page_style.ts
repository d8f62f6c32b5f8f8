/** The one style of all pages. It stands in the page itself, so that there is nothing else to load. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #eef1f5;
  --card: #fff;
  --text: #16202e;
  --soft: #556273;
  --line: #c9d1dc;
  --accent: #1f5fbf;
  --on-accent: #fff;
  --alarm: #a3201c;
  --alarm-ground: #fdeceb;
}
@media (prefers-color-scheme:dark) {
  :root {
    --ground: #10161e;
    --card: #1a222d;
    --text: #e8edf4;
    --soft: #a3b0c0;
    --line: #3a4656;
    --accent: #7fb0ff;
    --on-accent: #0d1520;
    --alarm: #ffb1ab;
    --alarm-ground: #3a1c1c;
  }
}
* {
  box-sizing: border-box;
}
body {
  margin: 0;
  min-height: 100vh;
  display: flex;
  align-items: center;
  justify-content: center;
  padding: 1.5rem;
  background: var(--ground);
  color: var(--text);
  font: 1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
}
main {
  width: 100%;
  max-width: 30rem;
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: .75rem;
  padding: 2rem;
  box-shadow: 0 .5rem 2rem rgb(0 0 0/8%);
}
.mark {
  display: flex;
  align-items: center;
  gap: .6rem;
  margin: 0 0 1.5rem;
  color: var(--soft);
  font-weight: 600;
}
.mark svg {
  width: 1.75rem;
  height: 1.75rem;
  color: var(--accent);
}
h1 {
  margin: 0 0 .75rem;
  font-size: 1.375rem;
  line-height: 1.25;
}
p {
  margin: 0 0 1rem;
}
dl {
  display: grid;
  grid-template-columns: auto 1fr;
  gap: .25rem 1rem;
  margin: 0 0 1.25rem;
  padding: .75rem 1rem;
  border: 1px solid var(--line);
  border-radius: .5rem;
  font-size: .9375rem;
}
dt {
  color: var(--soft);
}
dd {
  margin: 0;
  overflow-wrap: anywhere;
}
label {
  display: block;
  margin: 0 0 .25rem;
  font-weight: 600;
}
input {
  width: 100%;
  margin: 0 0 1rem;
  padding: .625rem .75rem;
  font: inherit;
  color: inherit;
  background: var(--card);
  border: 1px solid var(--soft);
  border-radius: .375rem;
}
input.code {
  font-family: ui-monospace,"DejaVu Sans Mono",monospace;
  font-size: 1.375rem;
  letter-spacing: .15em;
  text-transform: uppercase;
  text-align: center;
}
.buttons {
  display: flex;
  flex-direction: row-reverse;
  gap: .75rem;
  margin-top: .5rem;
}
button {
  flex: 1;
  padding: .7rem 1rem;
  font: inherit;
  font-weight: 600;
  border-radius: .375rem;
  border: 1px solid var(--accent);
  background: var(--accent);
  color: var(--on-accent);
  cursor: pointer;
}
button.plain {
  background: transparent;
  color: var(--accent);
}
:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
}
.alarm {
  margin: 0 0 1.25rem;
  padding: .75rem 1rem;
  border-left: .25rem solid var(--alarm);
  border-radius: .25rem;
  background: var(--alarm-ground);
  color: var(--alarm);
}
.note {
  margin: 1.25rem 0 0;
  font-size: .875rem;
  color: var(--soft);
}
`;
