/** A token as the server gives it. */
export interface GivenToken {
  readonly name: string;
  readonly state: string;
  readonly reason?: string;
  readonly hosts: number;
  readonly lanes?: { readonly perHost: number; readonly found: string };
  readonly inFlight: number;
}

export function tokenLine(token: GivenToken, nameWidth: number): string {
  return `${token.name.padEnd(nameWidth)}  ${token.state.padEnd('suspended'.length)}  ${tokenWork(token)}`.trimEnd();
}

/** What it works with, or why it does not. */
export function tokenWork({ state, reason, hosts, lanes, inFlight }: GivenToken): string {
  if (state === 'removed') return '';
  const lanesEach = lanes === undefined ? '' : ` of ${counted(lanes.perHost, 'lane')} (${lanes.found})`;
  const work = `${counted(hosts, 'host')}${hosts === 0 ? '' : lanesEach}, ${inFlight} in flight`;
  return reason === undefined ? work : `${work}: ${reason}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
