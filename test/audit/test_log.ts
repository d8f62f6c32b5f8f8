import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { AuditLog, type AuditLogOptions } from '../../src/audit/audit_log.ts';
import { FileLedger } from '../../src/audit/file_ledger.ts';
import type { HeadSigner } from '../../src/audit/tree_head.ts';
import type { AuditEvent } from '../../src/model/audit_event.ts';
import { p256Raw } from './p256_raw.ts';

export const PLACE = { tenantId: '11111111-2222-3333-4444-555555555555', poolName: 'demo' };

/** On a machine that is busy with other tests, where nothing is about the deadline. */
export const PATIENT_MS = 20_000;

/** Signs as the pool's audit key does, without a pool. */
export interface TestSigner extends HeadSigner {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export function newSigner(): TestSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { publicKey, privateKey, signAuditHead: async (digest) => p256Raw(privateKey, digest) };
}

export type TestLogOptions = Partial<Omit<AuditLogOptions, 'ledger' | 'signer' | 'publicKey' | 'place'>> & {
  readonly durability?: 'written' | 'synced';
  readonly formerKey?: KeyObject;
};

export async function openLog(directory: string, signer: TestSigner, options: TestLogOptions = {}): Promise<AuditLog> {
  const { durability = 'written', formerKey, ...rest } = options;
  const { publicKey } = signer;
  const ledger = await FileLedger.open({ directory, durability, publicKey, formerKey });
  return AuditLog.open({
    onTrouble: () => undefined,
    deadlineMs: PATIENT_MS,
    ...rest,
    ledger,
    signer,
    publicKey,
    place: PLACE,
  });
}

/** A directory that goes when the test ends. */
export function testDirectory(t: Pick<ExecutionContext, 'teardown'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-audit-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function anEvent(changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    timeMs: 1_700_000_000_123,
    operation: 'KeySign',
    apiVersion: '7.6',
    result: 'Success',
    innerCode: undefined,
    httpStatus: 200,
    durationMs: 1.4,
    callerAddress: '192.0.2.7',
    addressAuthorization: 'PublicIP',
    virtualNetwork: undefined,
    principal: { objectId: 'oid-1', tenantId: PLACE.tenantId, applicationId: 'app-1', groups: [] },
    userAgent: 'curl/8',
    correlationId: 'c1',
    requestId: 'r1',
    requestUri: 'https://demo.example.com/keys/k1/sign?api-version=7.6',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/sign/action',
    scope: '/keys/k1',
    keyName: 'k1',
    keyVersion: '0123456789abcdef0123456789abcdef',
    algorithm: 'ES256',
    ...changes,
  };
}

export function logFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(directory, name));
}

export type Line = Record<string, unknown> & { readonly sequence: number; readonly category: string };

export function linesOf(directory: string): Line[] {
  return logFiles(directory).flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line),
  );
}

export function eventsOf(directory: string): Line[] {
  return linesOf(directory).filter(({ category }) => category === 'AuditEvent');
}
