-- The audit logs of servers that keep theirs here: a chain each, in parts that begin with an opening line.

CREATE TABLE audit_chain (
  chain TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  -- The directory of the server that it is of, and the process that may add to it.
  place TEXT COLLATE "C" NOT NULL UNIQUE,
  writer TEXT COLLATE "C" NOT NULL
);

CREATE TABLE audit_line (
  chain TEXT COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  -- Number of the first line of its part.
  part BIGINT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (chain, sequence)
);

CREATE INDEX audit_part ON audit_line (chain, part) WHERE sequence = part;
