-- Keys that a restore of the whole pool has read and not yet put in the place of the others: nobody finds them here. By the job that they
-- are of, so that what one has left behind is never taken for another's.

CREATE TABLE staged_key (
  job TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  newest TEXT COLLATE "C" NOT NULL,
  versions BIGINT NOT NULL,
  deleted BIGINT,
  scheduled_purge BIGINT,
  rotation_policy TEXT,
  rotation_due BIGINT,
  revision BIGINT NOT NULL,
  seal BYTEA NOT NULL,
  PRIMARY KEY (job, name)
);

CREATE TABLE staged_key_version (
  job TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
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
  -- AES-GCM encryptions that the version has reserved.
  encryptions BIGINT NOT NULL CHECK (encryptions >= 0),
  PRIMARY KEY (job, name, version)
);
