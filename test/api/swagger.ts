import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TestFn } from 'ava';
import type { LiveValidationIssue, LiveValidator } from 'oav';
import { testUnless } from '../fixtures/test_unless.ts';

/** Azure's description of the API lies beside the project, and is not part of it. */
const FOLDER = new URL('../../../shared/azure-openapi/', import.meta.url);
const VERSION = '7.5';

/** A request and its answer, as they went over the wire. */
export interface WireExchange {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly body: unknown;
}

/** What versions after 7.5 have added to answers (Azure API §1.1). */
const NEWER_MEMBERS = /^(?:\/value\/\d+)?\/attributes\/(?:key_size|attestation)$/;
/**
 * What the live service has as null in the state of a backup or a restore, and the description does not let be null (Azure API §1.20): clients
 * know it so.
 */
const NULL_IN_JOBS = /^(?:\/azureStorageBlobContainerUri|\/error\/(?:code|message|innererror))$/;
/** Paths that they have added, and our own. */
const NEWER_PATHS = /\/(?:prebackup|prerestore|attestation|securewrapkey|secureunwrapkey|batch)$/i;
/** In the description these always have a version. */
const VERSIONLESS = /^(\/keys\/[^/]+)(\/(?:encrypt|decrypt|sign|verify|wrapkey|unwrapkey|release))?$/i;
const LATEST = '0'.repeat(32);

const ABSENCE = existsSync(FOLDER) ? undefined : 'the description is not there';

/** Declares a test that holds answers against Azure's description. `test` is how those are declared whose answers they are. */
export function testAgainstSwagger(
  title: string,
  exchanges: () => readonly WireExchange[],
  atLeast: number,
  test: TestFn = testUnless(undefined),
): void {
  const declare = ABSENCE === undefined ? test : testUnless(ABSENCE);
  declare(title, async (t) => {
    t.true(exchanges().length >= atLeast, `${exchanges().length}`);
    t.deepEqual(await problemsOf(exchanges()), []);
  });
}

/** What in these answers is not as Azure describes it. */
async function problemsOf(exchanges: readonly WireExchange[]): Promise<string[]> {
  const { default: oav } = await import('oav');
  const validator = new oav.LiveValidator(
    {
      directory: fileURLToPath(FOLDER),
      swaggerPathsPattern: [
        `${VERSION}/keys.json`,
        `${VERSION}/settings.json`,
        `${VERSION}/rbac.json`,
        `${VERSION}/backuprestore.json`,
        `${VERSION}/securitydomain.json`,
      ],
      excludedSwaggerPathsPattern: [],
      git: { shouldClone: false },
      loadValidatorInBackground: false,
      loadValidatorInInitialize: true,
    },
    ignore,
  );
  await validator.initialize();
  const problems: string[] = [];
  for (const exchange of exchanges) problems.push(...(await problemsOfOne(validator, exchange)));
  return problems;
}

async function problemsOfOne(validator: LiveValidator, exchange: WireExchange): Promise<string[]> {
  const { method, status, body } = exchange;
  const url = describedUrl(exchange);
  // The challenge has no body, and no place in the description.
  if (url === undefined || status === 401) return [];
  const name = `${method} ${url} ${status}`;
  const { validationRequest } = validator.getOperationInfo({ url, method }).info;
  if (validationRequest === undefined) return [`${name}: this is no request`];
  const { matches } = validator.operationSearcher.getPotentialOperations(validationRequest);
  // `/keys/{key-name}/versions` is also a `/keys/{key-name}/{key-version}`: the one with fewer parameters is meant.
  const [operationMatch] = matches.toSorted((one, other) => one.pathMatch.length - other.pathMatch.length);
  if (operationMatch === undefined) return [`${name}: there is no such operation`];
  const { errors, runtimeException } = await validator.validateLiveResponse(
    {
      statusCode: String(status),
      headers: { 'content-type': 'application/json' },
      body: body as Record<string, unknown>,
    },
    { url, method },
    {},
    { apiVersion: VERSION, operationId: '', validationRequest, operationMatch },
  );
  if (runtimeException !== undefined) return [`${name}: ${JSON.stringify(runtimeException)}`];
  return errors
    .filter((issue) => !isNewer(issue) && !isNullInJobs(issue, body))
    .map((issue) => `${name}: ${issue.code} ${issue.message}`);
}

/** The URL as the description has it; undefined where it has nothing. */
function describedUrl(exchange: WireExchange): string | undefined {
  const { pathname } = new URL(exchange.url);
  const path = pathname
    .replaceAll(/\/{2,}/g, '/')
    .replace(/(.)\/$/, '$1')
    // A scope is a part of a path there, which `/` is not.
    .replace(/^\/providers\//i, '/keys/providers/');
  if (NEWER_PATHS.test(path)) return undefined;
  const [, key, word] = VERSIONLESS.exec(path) ?? [];
  const needsVersion = key !== undefined && (word !== undefined || /^(?:GET|PATCH)$/.test(exchange.method));
  const described = needsVersion ? `${key}/${LATEST}${word ?? ''}` : path;
  return `https://pool.managedhsm.example${described}?api-version=${VERSION}`;
}

function isNewer({ code, pathsInPayload }: LiveValidationIssue): boolean {
  return code === 'OBJECT_ADDITIONAL_PROPERTIES' && pathsInPayload.every((path) => NEWER_MEMBERS.test(path));
}

function isNullInJobs({ code, pathsInPayload }: LiveValidationIssue, body: unknown): boolean {
  return code === 'INVALID_TYPE' && pathsInPayload.every((path) => NULL_IN_JOBS.test(path) && isNullAt(body, path));
}

function isNullAt(body: unknown, path: string): boolean {
  const members = path.split('/').slice(1);
  return members.reduce<unknown>((at, member) => (at as Record<string, unknown>)[member], body) === null;
}

/** It has much to say about Azure's other services. */
function ignore(): void {}
