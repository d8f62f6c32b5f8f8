-- Keys, their versions, and what else is kept. Times in unix seconds. Columns that decide something are under the seal of their row.

CREATE TABLE key (
  name TEXT NOT NULL PRIMARY KEY,
  newest TEXT NOT NULL,
  versions INTEGER NOT NULL,
  deleted INTEGER,
  scheduled_purge INTEGER,
  rotation_policy TEXT,
  rotation_due INTEGER,
  revision INTEGER NOT NULL,
  seal BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Lists of names, and what is due: each index has the rows that its question is about and no others.
CREATE INDEX key_active ON key (name) WHERE deleted IS NULL;
CREATE INDEX key_deleted ON key (name) WHERE deleted IS NOT NULL;
CREATE INDEX key_due_rotation ON key (rotation_due, name) WHERE deleted IS NULL AND rotation_due IS NOT NULL;
CREATE INDEX key_due_purge ON key (scheduled_purge, name) WHERE deleted IS NOT NULL;

CREATE TABLE key_version (
  name TEXT NOT NULL REFERENCES key (name) ON DELETE CASCADE,
  version TEXT NOT NULL,
  key_type TEXT NOT NULL,
  key_size INTEGER,
  curve TEXT,
  exponent INTEGER,
  custody TEXT NOT NULL,
  operations TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  not_before INTEGER,
  expires INTEGER,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  exportable INTEGER NOT NULL,
  release_policy_type TEXT,
  release_policy BLOB,
  release_policy_immutable INTEGER,
  tags TEXT NOT NULL,
  public_modulus BLOB,
  public_exponent BLOB,
  public_x BLOB,
  public_y BLOB,
  wrapped_key BLOB,
  object_id BLOB NOT NULL,
  revision INTEGER NOT NULL,
  seal BLOB NOT NULL,
  PRIMARY KEY (name, version)
) STRICT;

-- AES-GCM encryptions that a key version has reserved (SP 800-38D §8.3).
CREATE TABLE encryption_count (
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  reserved INTEGER NOT NULL CHECK (reserved >= 0),
  PRIMARY KEY (name, version),
  FOREIGN KEY (name, version) REFERENCES key_version (name, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Counts that are limits.
CREATE TABLE tally (
  subject TEXT NOT NULL PRIMARY KEY,
  count INTEGER NOT NULL CHECK (count >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO tally (subject, count) VALUES ('keys', 0);

CREATE TABLE intent (
  id TEXT NOT NULL PRIMARY KEY,
  token TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  object_id BLOB NOT NULL,
  created INTEGER NOT NULL,
  seal BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX intent_of_token ON intent (token, created, id);

-- What decides something and is no key: settings, roles, the directory.
CREATE TABLE document (
  collection TEXT NOT NULL,
  id TEXT NOT NULL,
  content TEXT NOT NULL,
  revision INTEGER NOT NULL,
  seal BLOB NOT NULL,
  PRIMARY KEY (collection, id)
) STRICT, WITHOUT ROWID;
