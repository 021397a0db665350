-- As store/migrations/0005_gaps.sql, for PostgreSQL: whole numbers of 64 bits, texts compared by their bytes.
-- Up to when each source was read or heard, and the windows in which one was not.

CREATE TABLE source_heard (
  node TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  heard_at_us BIGINT NOT NULL,
  file TEXT COLLATE "C" NOT NULL,  -- the spool file that was being read then; empty if there was none
  PRIMARY KEY (node, source)
);

CREATE TABLE source_gap (
  node TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  from_us BIGINT NOT NULL,
  until_us BIGINT,  -- NULL while it lasts
  reason TEXT COLLATE "C" NOT NULL,
  lost BIGINT NOT NULL,  -- what happened in it can be read no more
  read_at_us BIGINT,
  PRIMARY KEY (node, source, from_us)
);
CREATE INDEX source_gap_unread ON source_gap (node, source) WHERE read_at_us IS NULL;
