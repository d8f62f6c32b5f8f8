import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Firewall } from '../../src/access/firewall.ts';
import { parseNetworkRules } from '../../src/access/network_rules_file.ts';
import { checkNetwork } from '../../src/cli/checks/check_network.ts';
import { explainCriteria } from '../../src/cli/checks/explain_criteria.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { parseIpAddress } from '../../src/model/ip_address.ts';
import { PROGRAM, plainEnvironment } from '../api/running_server.ts';

const SERVICE = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
const directory = mkdtempSync(join(tmpdir(), 'strongroom-firewall-'));
test.after.always(() => rmSync(directory, { recursive: true }));

const RULES = {
  networkAcls: {
    defaultAction: 'Deny',
    ipRules: [{ value: '203.0.113.0/24' }],
    virtualNetworkRules: [{ id: 'office' }],
  },
  virtualNetworks: {
    office: { proxies: ['192.0.2.1'], sources: ['10.0.0.0/8'] },
    lab: { localAddresses: ['10.9.9.9'] },
  },
  trustedServices: [SERVICE],
};

function file(name: string, content: unknown): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o644 });
  return path;
}

const rules = file('rules.json', RULES);

function check(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const all = [PROGRAM, 'firewall', 'check', ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, all, { env: plainEnvironment() }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const CHECKS: readonly [args: readonly string[], code: number, says: RegExp][] = [
  [['--address', '203.0.113.7'], 0, /^yes +IP rule +203\.0\.113\.0\/24$/m],
  [['--address', '::ffff:203.0.113.7'], 0, /^203\.0\.113\.7 is let in\.$/m],
  [['--address', '10.1.2.3', '--proxy', '192.0.2.1'], 0, /^yes +virtual network +it is in office$/m],
  [['--address', '10.1.2.3'], 1, /^10\.1\.2\.3 is refused \(ForbiddenByFirewall\)\.$/m],
  [
    ['--address', '10.1.2.3', '--local-address', '10.9.9.9'],
    1,
    /^no +virtual network +it is in lab, which no rule names$/m,
  ],
  [['--address', '2001:db8::1', '--private-endpoint'], 0, /^yes +private endpoint +it arrives at one$/m],
  [['--address', '2001:db8::1', '--principal', SERVICE.toUpperCase()], 0, /^yes +trusted service/m],
  [
    ['--address', '2001:db8::1', '--principal', SERVICE.replace('a', 'b')],
    1,
    /^no +trusted service +baaaaaaa-\S+ is none$/m,
  ],
];

for (const [args, code, says] of CHECKS) {
  test(`firewall check ${args.join(' ')} ends with ${code} and says why`, async (t) => {
    const ended = await check('--rules', rules, ...args);
    t.is(ended.code, code, ended.stderr);
    t.regex(ended.stdout, says);
  });
}

test('firewall check takes the rules of the configuration, and without any everybody is let in', async (t) => {
  const closed = file('closed.json', { publicNetworkAccess: 'Disabled' });
  const config = file('settings.json', { network: { rulesFile: closed } });
  const refused = await check('--config', config, '--address', '203.0.113.7');
  t.is(refused.code, 1);
  t.regex(refused.stdout, /refused \(ForbiddenByConnection\)/);
  t.regex((await check('--address', '203.0.113.7')).stdout, /^yes +all networks +the default action is Allow$/m);
});

test('firewall check refuses what it cannot read, with every problem, and ends with 78', async (t) => {
  const wrong = file('wrong.json', { networkAcls: { ipRules: [{ value: '10.0.0.1/8' }] } });
  const { code, stdout, stderr } = await check('--rules', wrong, '--address', '1.2.3.4');
  t.is(code, 78);
  t.is(stdout, '');
  t.regex(stderr, /--rules: networkAcls\.ipRules\[0\]\.value: Expected 10\.0\.0\.0\/8/);
  t.regex(stderr, /--rules: networkAcls\.defaultAction: Expected Allow or Deny/);
  for (const [option, value] of [
    ['--address', '010.0.0.1'],
    ['--proxy', 'proxy'],
    ['--local-address', '1.2.3.4/8'],
    ['--principal', 'me'],
  ] as const) {
    const ended = await check(
      '--rules',
      rules,
      ...(option === '--address' ? [] : ['--address', '1.2.3.4']),
      option,
      value,
    );
    t.is(ended.code, 78, option);
    t.true(ended.stderr.includes(`${option}: Expected`), option);
  }
});

test('what is said of the criteria is what the firewall decides', (t) => {
  const texts = ['203.0.113.7', '10.1.2.3', '2001:db8::1', '192.0.2.1', '10.9.9.9'];
  for (const changes of [
    {},
    { publicNetworkAccess: 'Disabled' },
    { networkAcls: { defaultAction: 'Allow' } },
    { networkAcls: { ...RULES.networkAcls, bypass: 'None' } },
  ]) {
    const firewall = new Firewall(parseNetworkRules(JSON.stringify({ ...RULES, ...changes })));
    for (const entrance of ['public', 'private'] as const) {
      for (const [address, proxy, localAddress] of texts.flatMap((a) =>
        texts.flatMap((b) => [
          [a, b, undefined],
          [a, undefined, b],
        ]),
      )) {
        const read = (text: string | undefined) => (text === undefined ? undefined : parseIpAddress(text));
        const origin = {
          entrance,
          address: read(address),
          proxy: read(proxy),
          localAddress: read(localAddress),
          socketFamily: 'ipv4',
        } as const;
        const isIn = firewall.judge(origin).criterion !== undefined;
        t.is(
          explainCriteria(firewall, origin, undefined).some(({ holds }) => holds),
          isIn,
        );
        const trusted = explainCriteria(firewall, origin, SERVICE);
        t.is(
          trusted.some(({ holds }) => holds),
          isIn || firewall.trusts({ objectId: SERVICE }),
        );
      }
    }
  }
});

async function findings(content: unknown, network: object = {}): Promise<string[]> {
  const rulesFile = file('looked_at.json', content);
  const settings = file('doctor.json', { network: { rulesFile, ...network } });
  const found = await checkNetwork(loadConfiguration({ file: settings, environment: {} }));
  return found.map(({ verdict, text }) => `${verdict}: ${text}`);
}

test.serial('doctor finds nothing wrong with rules that have an effect', async (t) => {
  const network = { proxyListen: '127.0.0.1:9443', trustedProxies: ['192.0.2.0/24'] };
  t.deepEqual(await findings(RULES, network), [`good: the rules of ${join(directory, 'looked_at.json')} will do`]);
  const none = loadConfiguration({ environment: {} });
  t.deepEqual(
    (await checkNetwork(none)).map(({ verdict }) => verdict),
    ['good'],
  );
});

test.serial('doctor tells of rules that will not do, and of those that cannot do what they seem to', async (t) => {
  t.deepEqual(await findings('{'), ['bad: file: Expected JSON for the rules, received "something else".']);
  t.is((await findings({ networkAcls: {}, colour: 'red' })).length, 2);
  const { networkAcls } = RULES;
  const rows: [content: object, says: RegExp][] = [
    [{ ...RULES, networkAcls: { ...networkAcls, defaultAction: 'Allow' } }, /doubtful: the rules let everybody in/],
    [{ networkAcls: { defaultAction: 'Deny' } }, /doubtful: the rules let nobody in/],
    [
      { publicNetworkAccess: 'Disabled', networkAcls: { ...networkAcls, bypass: 'None', virtualNetworkRules: [] } },
      /doubtful: the rules let nobody in/,
    ],
    [RULES, /doubtful: nobody comes out of the virtual network office/],
  ];
  for (const [content, says] of rows) t.regex((await findings(content)).join('\n'), says);
  const here = { office: { localAddresses: ['127.0.0.1'] } };
  t.is((await findings({ ...RULES, virtualNetworks: here })).length, 1);
  t.is((await findings({ publicNetworkAccess: 'Disabled' }, { privateListen: '127.0.0.1:9443' })).length, 1);
  chmodSync(join(directory, 'looked_at.json'), 0o666);
  t.regex((await findings(RULES)).join('\n'), /doubtful: .* may be changed by others \(mode 666\)/);
});
