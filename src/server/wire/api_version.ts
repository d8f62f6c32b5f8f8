import { badParameter, StrongroomError } from '../../model/errors.ts';

/** One behaviour under every name that Azure's clients use for it (Azure API §1.1; clients.md for the old previews). */
const API_VERSIONS: ReadonlySet<string> = new Set([
  '7.0',
  '7.1',
  '7.2-preview',
  '7.2',
  '7.3-preview',
  '7.3',
  '7.4-preview.1',
  '7.4',
  '7.5-preview.1',
  '7.5',
  '7.6-preview.1',
  '7.6-preview.2',
  '7.6',
  '2025-06-01-preview',
  '2025-06-01',
  '2025-07-01',
  '2026-01-01-preview',
  '2026-03-01-preview',
  '2026-04-01',
  '2026-05-01-preview',
  '2026-07-01-preview',
]);

/** @throws StrongroomError `BadParameter` when it is missing, given twice or not known. */
export function requireApiVersion(value: unknown): void {
  if (typeof value === 'string' && API_VERSIONS.has(value)) return;
  if (value === undefined)
    throw new StrongroomError('BadParameter', MISSING, { innerCode: 'MissingApiVersionParameter' });
  throw badParameter('api-version', 'an API version of Managed HSM', value);
}

const MISSING = 'The api-version query parameter (?api-version=) is required for all requests.';
