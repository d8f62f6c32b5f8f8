import { CONCURRENCIES, type Concurrency } from './concurrency.ts';
import { CONTENDERS, type ContenderRow } from './contenders.ts';
import { OPERATIONS } from './operations.ts';
import { PART_NAMES, type Part } from './parts.ts';

/** What one run of the bench covers. */
export interface Selection {
  readonly parts: readonly Part[];
  readonly operations: readonly (typeof OPERATIONS)[number][];
  readonly contenders: readonly ContenderRow[];
  readonly concurrencies: readonly Concurrency[];
  readonly rounds: number;
  /** SoftHSM with all of its mechanisms, as Debian configures it. */
  readonly allMechanisms: boolean;
  /** Everything at full length: only then are the results kept as the published ones. */
  readonly complete: boolean;
}

const IN_FLIGHT = CONCURRENCIES.map(({ inFlight }) => inFlight);
const ROUNDS = 25;
const QUICK_ROUNDS = 5;

/**
 * Words narrow the run down: the name of a part, an operation, a contender (or a piece of its name), a number in flight. Words of one
 * kind widen each other, words of different kinds narrow each other: `p-256 raw engine 64`.
 * @throws TypeError for a word that means nothing.
 */
export function parseSelection(args: readonly string[]): Selection {
  const words = {
    parts: new Set<Part>(),
    operations: new Set<string>(),
    contenders: new Set<string>(),
    inFlight: new Set<number>(),
  };
  let rounds = ROUNDS;
  let allMechanisms = false;
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!.toLowerCase();
    if (word === '--quick') rounds = QUICK_ROUNDS;
    else if (word === '--all-mechanisms') allMechanisms = true;
    else if (word === '--rounds') rounds = roundCount(args[++i]);
    else sortWord(word, words);
  }
  const narrowed = words.operations.size + words.contenders.size + words.inFlight.size > 0;
  const parts =
    words.parts.size > 0
      ? PART_NAMES.filter((part) => words.parts.has(part))
      : [...(narrowed ? ['table' as const] : PART_NAMES)];
  return {
    parts,
    operations: OPERATIONS.filter(({ id }) => words.operations.size === 0 || words.operations.has(id)),
    contenders: CONTENDERS.filter(({ id }) => words.contenders.size === 0 || words.contenders.has(id)),
    concurrencies: CONCURRENCIES.filter(({ inFlight }) => words.inFlight.size === 0 || words.inFlight.has(inFlight)),
    rounds,
    allMechanisms,
    complete: !narrowed && !allMechanisms && rounds >= ROUNDS,
  };
}

function sortWord(
  word: string,
  words: { parts: Set<Part>; operations: Set<string>; contenders: Set<string>; inFlight: Set<number> },
): void {
  const part = PART_NAMES.find((name) => name === word);
  const operations = OPERATIONS.filter(({ id }) => id.includes(word));
  const exact = CONTENDERS.filter(({ id }) => id === word);
  const contenders = exact.length > 0 ? exact : CONTENDERS.filter(({ id }) => id.includes(word));
  if (part !== undefined) words.parts.add(part);
  else if (IN_FLIGHT.includes(Number(word))) words.inFlight.add(Number(word));
  else if (operations.length > 0) for (const { id } of operations) words.operations.add(id);
  else if (contenders.length > 0) for (const { id } of contenders) words.contenders.add(id);
  else throw new TypeError(`Expected ${wordsThere()}; received ${JSON.stringify(word)}`);
}

function roundCount(word: string | undefined): number {
  const rounds = Number(word);
  if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError(`Expected a number of rounds, received ${word}`);
  return rounds;
}

function wordsThere(): string {
  const operations = OPERATIONS.map(({ id }) => id);
  const contenders = CONTENDERS.map(({ id }) => id);
  return [PART_NAMES, operations, IN_FLIGHT, contenders].map((list) => list.join(', ')).join('; ');
}
