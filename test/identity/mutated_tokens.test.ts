import { Authenticator } from '../../src/identity/authenticator.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { campaign } from '../campaigns/campaign.ts';
import type { SeededRandom } from '../fixtures/seeded_random.ts';
import {
  encode,
  entraIssuer,
  entraToken,
  goodEcToken,
  goodToken,
  issuer,
  otherEcToken,
  otherIssuer,
  otherToken,
} from './token_fixture.ts';

/** A good token is verified anew after this many that are not. */
const CHECKED_EVERY = 100;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const ODD = '.=+/ ~%"{}\u0000\u00e9';

const TOKENS = [goodToken(), goodEcToken(), otherToken(), otherEcToken(), entraToken()];

type Mutation = (token: string, random: SeededRandom) => string;

const at = (text: string, random: SeededRandom): number => random.integer(0, text.length - 1);
const splice = (text: string, from: number, removed: number, added: string): string =>
  text.slice(0, from) + added + text.slice(from + removed);

function changePart(token: string, which: number, change: (part: string) => string): string {
  return token
    .split('.')
    .map((part, index) => (index === which ? change(part) : part))
    .join('.');
}

/** Another value for one member of the header or of the claims; the signature stays. */
const changeMember: Mutation = (token, random) =>
  changePart(token, random.integer(0, 1), (part) => {
    const members = JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
    const name = random.pick(Object.keys(members));
    const values = [undefined, null, 0, '', [], {}, true, `${members[name]} `, Number(members[name]) + 1];
    return encode({ ...members, [name]: random.pick(values) });
  });

const MUTATIONS_BY_NAME: Readonly<Record<string, Mutation>> = {
  'another letter': (token, random) => splice(token, at(token, random), 1, random.pick([...ALPHABET])),
  'a letter that is none': (token, random) => splice(token, at(token, random), 1, random.pick([...ODD])),
  'a letter more': (token, random) => splice(token, at(token, random), 0, random.pick([...ALPHABET, ...ODD])),
  'a letter less': (token, random) => splice(token, at(token, random), 1, ''),
  'a flipped bit': (token, random) => {
    const position = at(token, random);
    const flipped = token.charCodeAt(position) ^ (1 << random.integer(0, 6));
    return splice(token, position, 1, String.fromCharCode(flipped));
  },
  'a flipped bit of the bytes': (token, random) =>
    changePart(token, random.integer(0, 2), (part) => {
      const bytes = Buffer.from(part, 'base64url');
      const position = random.integer(0, bytes.length - 1);
      bytes[position] = (bytes[position] ?? 0) ^ (1 << random.integer(0, 7));
      return bytes.toString('base64url');
    }),
  'another last letter of a part': (token, random) =>
    changePart(token, random.integer(0, 2), (part) => part.slice(0, -1) + random.pick([...ALPHABET])),
  'a piece cut out': (token, random) => splice(token, at(token, random), random.integer(1, 64), ''),
  'a piece twice': (token, random) => {
    const from = at(token, random);
    return splice(token, from, 0, token.slice(from, from + random.integer(1, 64)));
  },
  'cut short': (token, random) => token.slice(0, at(token, random)),
  'two letters swapped': (token, random) => {
    const [first, second] = [at(token, random), at(token, random)].sort((a, b) => a - b) as [number, number];
    const swapped = splice(token, first, 1, token[second] ?? '');
    return splice(swapped, second, 1, token[first] ?? '');
  },
  'the case of a letter': (token, random) => {
    const position = at(token, random);
    const letter = token[position] ?? '';
    return splice(token, position, 1, letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase());
  },
  'parts in another order': (token, random) => random.shuffled(token.split('.')).join('.'),
  'a part of another token': (token, random) => {
    const which = random.integer(0, 2);
    return changePart(token, which, () => random.pick(TOKENS).split('.')[which] ?? '');
  },
  'another value of a member': changeMember,
};

campaign('mutated_tokens', async (t, run) => {
  const { random } = run;
  const issuers = [issuer, otherIssuer, entraIssuer];
  const authenticator = new Authenticator(issuers);
  while (run.done < run.count) {
    const token = random.pick(TOKENS);
    const name = random.pick(Object.keys(MUTATIONS_BY_NAME));
    const mutated = MUTATIONS_BY_NAME[name]?.(token, random) ?? token;
    if (TOKENS.includes(mutated)) continue;
    const error = await outcomeOf(authenticator, mutated);
    if (!(error instanceof StrongroomError) || error.code !== 'Unauthorized') run.fail(`accepted, ${name}: ${mutated}`);
    run.done += 1;
    if (run.done % CHECKED_EVERY === 0) t.is(await outcomeOf(new Authenticator(issuers), token), undefined);
  }
});

/** What it was refused with; `undefined` when it was accepted. */
async function outcomeOf(authenticator: Authenticator, token: string): Promise<unknown> {
  try {
    await authenticator.authenticate(token);
    return undefined;
  } catch (error) {
    return error;
  }
}
