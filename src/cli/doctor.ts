import { checkMachine } from './checks/check_machine.ts';
import { checkNames } from './checks/check_names.ts';
import { checkNetwork } from './checks/check_network.ts';
import { checkPorts } from './checks/check_ports.ts';
import { checkTokens } from './checks/check_tokens.ts';
import { checkVersions } from './checks/check_versions.ts';
import type { Finding } from './checks/finding.ts';
import { readSettings, type SettingOptions } from './read_settings.ts';

const MARKS: Readonly<Record<Finding['verdict'], string>> = { good: 'ok  ', doubtful: 'hmm ', bad: 'FAIL' };

/** Looks at everything, whatever it finds first; 1 when something has to be done before it can work. */
export async function doctor(options: SettingOptions): Promise<number> {
  const configuration = readSettings(options);
  const findings = await Promise.all([
    checkVersions(),
    checkMachine(configuration),
    checkNames(configuration),
    checkNetwork(configuration),
    checkPorts(configuration),
    checkTokens(configuration),
  ]);
  for (const { subject, verdict, text, remedy } of findings.flat()) {
    console.log(`${MARKS[verdict]}  ${subject.padEnd(9)} ${text}`);
    if (remedy !== undefined) console.log(`${' '.repeat(16)} → ${remedy}`);
  }
  const failures = findings.flat().filter(({ verdict }) => verdict === 'bad').length;
  console.log(
    failures === 0
      ? 'Nothing stands in the way.'
      : `${failures} ${failures === 1 ? 'thing stands' : 'things stand'} in the way.`,
  );
  return failures === 0 ? 0 : 1;
}
