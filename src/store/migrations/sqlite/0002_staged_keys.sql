-- Keys that a restore of the whole pool has read and not yet put in the place of the others: nobody finds them here. By the job that they
-- are of, so that what one has left behind is never taken for another's.

CREATE TABLE staged_key (
  job TEXT NOT NULL,
  name TEXT NOT NULL,
  newest TEXT NOT NULL,
  versions INTEGER NOT NULL,
  deleted INTEGER,
  scheduled_purge INTEGER,
  rotation_policy TEXT,
  rotation_due INTEGER,
  revision INTEGER NOT NULL,
  seal BLOB NOT NULL,
  PRIMARY KEY (job, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE staged_key_version (
  job TEXT NOT NULL,
  name TEXT NOT NULL,
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
  -- AES-GCM encryptions that the version has reserved.
  encryptions INTEGER NOT NULL CHECK (encryptions >= 0),
  PRIMARY KEY (job, name, version)
) STRICT;
