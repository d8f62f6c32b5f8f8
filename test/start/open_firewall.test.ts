import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { ALL_NETWORKS } from '../../src/access/network_rules.ts';
import { ConfigurationError } from '../../src/config/configuration_error.ts';
import type { Configuration } from '../../src/config/settings.ts';
import { openFirewall } from '../../src/start/open_firewall.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-firewall-'));
test.after.always(() => rmSync(directory, { recursive: true }));

const configured = (rulesFile: string | undefined): Configuration => ({ network: { rulesFile } }) as Configuration;

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

test('without a file the HSM may be called from everywhere, as Azure’s default has it', async (t) => {
  const firewall = await openFirewall(configured(undefined), pino({ level: 'silent' }));
  t.deepEqual(firewall.current.rules, ALL_NETWORKS);
  firewall.close();
});

test('at start, rules that will not do are a wrong setting, with everything that is wrong', async (t) => {
  const path = file('wrong.json', '{"networkAcls":{"ipRules":[{"value":"10.0.0.1/8"}]},"colour":"red"}');
  const error = await t.throwsAsync(openFirewall(configured(path), pino({ level: 'silent' })), {
    instanceOf: ConfigurationError,
  });
  t.is(error.problems.length, 3);
  t.true(error.problems.every((problem) => problem.path === 'network.rulesFile'));
  t.true(error.message.includes('networkAcls.ipRules[0].value: Expected 10.0.0.0/8'));
  t.true(error.message.includes('networkAcls.defaultAction: Expected Allow or Deny'));
  await t.throwsAsync(openFirewall(configured(join(directory, 'none.json')), pino({ level: 'silent' })), {
    instanceOf: ConfigurationError,
    message: /cannot be read \(ENOENT\)/,
  });
});

test('while it runs, the log says of rules that will not do what is wrong with them, as an error', async (t) => {
  const lines: string[] = [];
  const path = file('rules.json', '{"networkAcls":{"defaultAction":"Deny"}}');
  const firewall = await openFirewall(configured(path), pino({}, { write: (line: string) => lines.push(line) }));
  t.teardown(() => firewall.close());
  file('rules.json', '{"networkAcls":{"defaultAction":"Never"}}');
  while (lines.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  const [line = ''] = lines;
  t.is(JSON.parse(line).level, 50);
  t.true(line.includes('those of before stay in effect'));
  t.true(line.includes('networkAcls.defaultAction: Expected Allow or Deny'));
  t.is(firewall.current.rules.defaultAction, 'Deny');
  file('rules.json', '{}');
  while (lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(JSON.parse(lines[1] ?? '').level, 30);
  t.is(firewall.current.rules.defaultAction, 'Allow');
});
