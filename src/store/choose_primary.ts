import type { PrimaryTerm, Standing } from './postgres_standing.ts';

/** A host, and what it said when it was asked last; nothing, where it did not answer. */
export interface SeenHost<Host> {
  readonly host: Host;
  readonly standing: Standing | undefined;
}

/** The host that changes go to, and what it was when it was chosen. */
export interface Primary<Host> {
  readonly host: Host;
  readonly term: PrimaryTerm | undefined;
}

/**
 * Which of the hosts changes go to. At first it is the one that takes them. Later it is the same one for as long as no other has been promoted
 * after it: a greater timeline of the same database is followed, whatever the one before it says. A lesser or equal one never is, unless it
 * is the same server by another way. Undefined when there is none, and `'split'` when there are two of which none comes after the other.
 */
export function choosePrimary<Host>(
  current: Primary<Host> | undefined,
  seen: readonly SeenHost<Host>[],
): Primary<Host> | 'split' | undefined {
  const takers = seen.flatMap(({ host, standing }) =>
    standing?.takesChanges === true ? [{ host, term: standing.term }] : [],
  );
  if (current === undefined) return newestOf(takers);
  const known = current.term;
  const own = takers.find(({ host }) => host === current.host);
  // A product without timelines keeps its nodes together by itself.
  if (known === undefined) return own ?? takers.find(({ term }) => term === undefined) ?? current;
  const newer = takers.filter(({ term }) => term?.system === known.system && term.timeline > known.timeline);
  if (newer.length > 0) return newestOf(newer);
  if (own?.term !== undefined && isSameLine(own.term, known)) return own;
  const byAnotherWay = ({ term }: Primary<Host>): boolean =>
    term !== undefined && isSameLine(term, known) && term.started === known.started;
  return takers.find(byAnotherWay) ?? current;
}

function newestOf<Host>(takers: readonly Primary<Host>[]): Primary<Host> | 'split' | undefined {
  const timelines = takers.map(({ term }) => term?.timeline ?? 0);
  const newest = takers.filter((_taker, index) => timelines[index] === Math.max(...timelines));
  const systems = new Set(takers.map(({ term }) => term?.system));
  const started = new Set(newest.map(({ term }) => term?.started));
  return systems.size > 1 || started.size > 1 ? 'split' : newest[0];
}

function isSameLine(one: PrimaryTerm, other: PrimaryTerm): boolean {
  return one.system === other.system && one.timeline === other.timeline;
}
