import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PYTHON, testWithPython } from '../fixtures/debian_python.ts';
import { RunningServer } from './running_server.ts';
import { testAgainstSwagger, type WireExchange } from './swagger.ts';

const PROGRAM = new URL('python_client.py', import.meta.url).pathname;

interface Output {
  readonly report: Record<string, unknown>;
  readonly exchanges: readonly WireExchange[];
}

const testWithClients = testWithPython('azure.identity', 'azure.keyvault.keys', 'azure.keyvault.administration');

async function runProgram(): Promise<{ readonly output: Output; readonly url: string }> {
  const server = await RunningServer.start();
  try {
    const env = { ...server.environment };
    const { stdout } = await promisify(execFile)(PYTHON, [PROGRAM], { env, maxBuffer: 64 * 1024 * 1024 });
    return { output: JSON.parse(stdout) as Output, url: server.url };
  } finally {
    await server.remove();
  }
}

let output: Output;
let url: string;
testWithClients.before(async () => {
  ({ output, url } = await runProgram());
});

testWithClients(
  "an unmodified program of Azure's Python clients does everything with keys, settings and roles",
  (t) => {
    t.deepEqual(output.report, {
      created: ['RSA-HSM', { from: 'python' }, 'Recoverable+Purgeable', 90],
      got: true,
      updated: { other: 'tag' },
      verified: true,
      forged: false,
      unwrapped: true,
      opened: true,
      padded: true,
      imported: ['oct-HSM', ['decrypt', 'encrypt']],
      policy: ['P120D', ['P60D']],
      policyRead: 'P120D',
      rotated: true,
      versions: 2,
      listed: ['py-ec', 'py-imported', 'py-oct', 'py-rsa'],
      deleted: ['py-ec', `${url}/deletedkeys/py-ec`, '404 KeyNotFound'],
      listedDeleted: ['py-ec'],
      deletedRead: true,
      recovered: true,
      purged: 'done',
      restored: [true, true],
      random: 64,
      missing: '404 KeyNotFound',
      notExportable: '400 BadParameter',
      policyWithoutExportable: '400 BadParameter',
      settings: [['AllowKeyManagementOperationsThroughARM', 'false', 'boolean']],
      unknownSetting: '404 NotFound',
      settingKept: true,
      roleDefinitions: [10, 'AKVBuiltInRole', ['/'], '21dbd100-6940-42c2-9190-5d6cb909625b'],
      roleDefinition: ['Py Signer', 'CustomRole', ['Microsoft.KeyVault/managedHsm/keys/sign/action'], []],
      roleReplaced: [true, []],
      roleAssignments: ['/', '/keys', '/keys/py-rsa'].flatMap((scope) => [
        [scope, true, true],
        ['409 RoleAssignmentExists', '409 Conflict', '404 RoleAssignmentNotFound'],
      ]),
      roleGone: '404 RoleDefinitionNotFound',
      roleBuiltIn: '400 BadParameter',
    });
  },
);

testAgainstSwagger('every answer to it is as the swagger describes it', () => output.exchanges, 30, testWithClients);
