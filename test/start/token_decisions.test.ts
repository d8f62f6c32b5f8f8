import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ConfigurationError } from '../../src/config/configuration_error.ts';
import type { TokenOptions } from '../../src/pool/pool_options.ts';
import { TokenDecisions } from '../../src/start/token_decisions.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-decisions-'));
test.after.always(() => rmSync(directory, { recursive: true }));

const at = (name: string): string => join(directory, name);
const TOKENS: readonly TokenOptions[] = ['left', 'right'].map((name) => ({
  name,
  module: '/m.so',
  token: { label: name },
  pin: { file: '/pin' },
}));

test('without a file nothing is decided', async (t) => {
  const decisions = await TokenDecisions.open(at('none.json'));
  t.is(decisions.of('left'), undefined);
  t.deepEqual(decisions.applyTo(TOKENS), TOKENS);
});

test('what was decided is there again, in a file for its owner alone', async (t) => {
  const path = at('kept.json');
  await (await TokenDecisions.open(path)).decide('left', 'drained');
  t.is(statSync(path).mode & 0o777, 0o600);
  const second = await TokenDecisions.open(path);
  t.is(second.of('left'), 'drained');
  t.deepEqual(
    second.applyTo(TOKENS).map(({ name, drained }) => [name, drained]),
    [
      ['left', true],
      ['right', undefined],
    ],
  );
  await second.decide('left', 'removed');
  t.deepEqual(
    second.applyTo(TOKENS).map(({ name }) => name),
    ['right'],
  );
  await second.decide('left', undefined);
  t.deepEqual((await TokenDecisions.open(path)).applyTo(TOKENS), TOKENS);
});

test('a decision about a token that the configuration has not got decides nothing', async (t) => {
  const decisions = await TokenDecisions.open(at('stranger.json'));
  await decisions.decide('stranger', 'removed');
  t.deepEqual(decisions.applyTo(TOKENS), TOKENS);
});

test('where all tokens are drained or removed, the start says which file has it', async (t) => {
  const path = at('all.json');
  const decisions = await TokenDecisions.open(path);
  await decisions.decide('left', 'drained');
  await decisions.decide('right', 'removed');
  const error = t.throws(() => decisions.applyTo(TOKENS), { instanceOf: ConfigurationError });
  t.regex(error.problems[0]?.message ?? '', /^Expected a token that is neither drained nor removed: .*all\.json says/);
});

test('a file that is not what was written there is refused', async (t) => {
  const path = at('broken.json');
  for (const content of ['{', '[]', '{}', '{"format":"strongroom/token-decisions/1","tokens":{"left":"lost"}}']) {
    writeFileSync(path, content, { mode: 0o600 });
    const error = await t.throwsAsync(TokenDecisions.open(path), { instanceOf: ConfigurationError }, content);
    t.is(error.problems[0]?.path, 'hsm.tokens');
  }
  t.is(readFileSync(path, 'utf8').length > 0, true, 'and stays as it is');
});

test('a file that others may change is refused', async (t) => {
  const path = at('open.json');
  await (await TokenDecisions.open(path)).decide('left', 'drained');
  chmodSync(path, 0o644);
  await t.throwsAsync(TokenDecisions.open(path), { instanceOf: ConfigurationError, message: /set it to 600/ });
});

test('a decision that cannot be kept is not made', async (t) => {
  const decisions = await TokenDecisions.open(at('nowhere/tokens.json'));
  await t.throwsAsync(decisions.decide('left', 'drained'), { code: 'ENOENT' });
  t.is(decisions.of('left'), undefined);
});
