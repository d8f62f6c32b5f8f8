import { DOCUMENT_COLUMNS } from './document_row.ts';
import { FOUND_COLUMNS } from './found_row.ts';
import { INTENT_COLUMNS } from './intent_row.ts';
import { KEY_VERSION_COLUMNS } from './key_version_row.ts';
import { wholeKeysQuestion } from './whole_key_rows.ts';

const JOIN = `SELECT ${FOUND_COLUMNS} FROM key LEFT JOIN key_version ON key_version.name = key.name AND key_version.version =`;
const NEWEST = `${JOIN} key.newest`;
const list = (condition: string): string =>
  `${NEWEST} WHERE key.deleted ${condition} AND key.name > $1 ORDER BY key.name LIMIT $2`;
const DOCUMENTS = `SELECT ${DOCUMENT_COLUMNS.join(', ')} FROM document`;

/** Everything that is asked of the database; each question is one statement and so of one moment. */
export const QUESTIONS = {
  newestVersion: `${NEWEST} WHERE key.name = $1`,
  namedVersion: `${JOIN} $2 WHERE key.name = $1`,
  active: list('IS NULL'),
  deleted: list('IS NOT NULL'),
  versions: `SELECT ${KEY_VERSION_COLUMNS.join(', ')} FROM key_version WHERE name = $1 AND version > $2 ORDER BY version LIMIT $3`,
  wholeKeys: wholeKeysQuestion('$1', '$2'),
  due: `SELECT name FROM (
      (SELECT name, rotation_due AS due FROM key
        WHERE deleted IS NULL AND rotation_due IS NOT NULL AND rotation_due <= $1 ORDER BY rotation_due, name LIMIT $2)
      UNION ALL
      (SELECT name, scheduled_purge AS due FROM key
        WHERE deleted IS NOT NULL AND scheduled_purge <= $1 ORDER BY scheduled_purge, name LIMIT $2)
    ) AS waiting ORDER BY due, name LIMIT $2`,
  intents: `SELECT ${INTENT_COLUMNS.join(', ')} FROM intent WHERE token = $1 ORDER BY created, id`,
  document: `${DOCUMENTS} WHERE collection = $1 AND id = $2`,
  allDocuments: DOCUMENTS,
  replacements: 'SELECT count FROM replacements',
  documents: `${DOCUMENTS} WHERE collection = $1 ORDER BY id`,
} as const;

/** Lower than every name and every version. */
export const BEFORE_ALL = '';
