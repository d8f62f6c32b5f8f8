-- Keys and their versions. `key` and `tally` hold the counts that are limits; what decides anything else is in key_version, under its seal.
CREATE TABLE key (
  name TEXT NOT NULL PRIMARY KEY,
  versions INTEGER NOT NULL CHECK (versions >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (
  subject TEXT NOT NULL PRIMARY KEY,
  count INTEGER NOT NULL CHECK (count >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO tally (subject, count) VALUES ('keys', 0);

-- Times in unix seconds. `sequence` is the order of arrival, which decides between versions of the same second.
CREATE TABLE key_version (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL REFERENCES key (name),
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
  tags TEXT NOT NULL,
  public_modulus BLOB,
  public_exponent BLOB,
  public_x BLOB,
  public_y BLOB,
  wrapped_key BLOB,
  object_id BLOB NOT NULL,
  revision INTEGER NOT NULL,
  seal BLOB NOT NULL,
  UNIQUE (name, version)
) STRICT;

CREATE INDEX key_version_by_age ON key_version (name, created, sequence);

-- AES-GCM encryptions that a key version has reserved (SP 800-38D §8.3).
CREATE TABLE encryption_count (
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  reserved INTEGER NOT NULL CHECK (reserved >= 0),
  PRIMARY KEY (name, version),
  FOREIGN KEY (name, version) REFERENCES key_version (name, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
