-- Keys, their versions, and what else is kept; in words that CockroachDB and YugabyteDB know as well. Times in unix seconds. Columns that
-- decide something are under the seal of their row. Texts that are compared or ordered are so by their bytes, whatever the database's language.

CREATE TABLE key (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  newest TEXT COLLATE "C" NOT NULL,
  versions BIGINT NOT NULL,
  deleted BIGINT,
  scheduled_purge BIGINT,
  rotation_policy TEXT,
  rotation_due BIGINT,
  revision BIGINT NOT NULL,
  seal BYTEA NOT NULL
);

-- Lists of names, and what is due: each index has the rows that its question is about and no others.
CREATE INDEX key_active ON key (name) WHERE deleted IS NULL;
CREATE INDEX key_deleted ON key (name) WHERE deleted IS NOT NULL;
CREATE INDEX key_due_rotation ON key (rotation_due, name) WHERE deleted IS NULL AND rotation_due IS NOT NULL;
CREATE INDEX key_due_purge ON key (scheduled_purge, name) WHERE deleted IS NOT NULL;

CREATE TABLE key_version (
  name TEXT COLLATE "C" NOT NULL REFERENCES key (name) ON DELETE CASCADE,
  version TEXT COLLATE "C" NOT NULL,
  key_type TEXT NOT NULL,
  key_size BIGINT,
  curve TEXT,
  exponent BIGINT,
  custody TEXT NOT NULL,
  operations TEXT NOT NULL,
  enabled BIGINT NOT NULL,
  not_before BIGINT,
  expires BIGINT,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  exportable BIGINT NOT NULL,
  release_policy_type TEXT,
  release_policy BYTEA,
  release_policy_immutable BIGINT,
  tags TEXT NOT NULL,
  public_modulus BYTEA,
  public_exponent BYTEA,
  public_x BYTEA,
  public_y BYTEA,
  wrapped_key BYTEA,
  object_id BYTEA NOT NULL,
  revision BIGINT NOT NULL,
  seal BYTEA NOT NULL,
  PRIMARY KEY (name, version)
);

-- AES-GCM encryptions that a key version has reserved (SP 800-38D §8.3).
CREATE TABLE encryption_count (
  name TEXT COLLATE "C" NOT NULL,
  version TEXT COLLATE "C" NOT NULL,
  reserved BIGINT NOT NULL CHECK (reserved >= 0),
  PRIMARY KEY (name, version),
  FOREIGN KEY (name, version) REFERENCES key_version (name, version) ON DELETE CASCADE
);

-- Counts that are limits.
CREATE TABLE tally (
  subject TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  count BIGINT NOT NULL CHECK (count >= 0)
);

INSERT INTO tally (subject, count) VALUES ('keys', 0);

CREATE TABLE intent (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  token TEXT COLLATE "C" NOT NULL,
  kind TEXT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  version TEXT COLLATE "C" NOT NULL,
  object_id BYTEA NOT NULL,
  created BIGINT NOT NULL,
  seal BYTEA NOT NULL
);

CREATE INDEX intent_of_token ON intent (token, created, id);

-- What decides something and is no key: settings, roles, the directory.
CREATE TABLE document (
  collection TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  content TEXT NOT NULL,
  revision BIGINT NOT NULL,
  seal BYTEA NOT NULL,
  PRIMARY KEY (collection, id)
);

-- Who changed what last, for the servers that remember it: each polls what the others wrote of late, by the database's clock. Keys have
-- the collection 'key' here, documents their own.
CREATE TABLE recent_change (
  collection TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  writer TEXT COLLATE "C" NOT NULL,
  changed_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (collection, name, writer)
);

CREATE INDEX recent_change_by_time ON recent_change (changed_at);
