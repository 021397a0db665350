-- Up to when each source was read or heard, and the windows in which one was not.

CREATE TABLE source_heard (
  node TEXT NOT NULL,
  source TEXT NOT NULL,
  heard_at_us INTEGER NOT NULL,
  file TEXT NOT NULL,  -- the spool file that was being read then; empty if there was none
  PRIMARY KEY (node, source)
);

CREATE TABLE source_gap (
  node TEXT NOT NULL,
  source TEXT NOT NULL,
  from_us INTEGER NOT NULL,
  until_us INTEGER,  -- NULL while it lasts
  reason TEXT NOT NULL,
  lost INTEGER NOT NULL,  -- what happened in it can be read no more
  read_at_us INTEGER,
  PRIMARY KEY (node, source, from_us)
);
CREATE INDEX source_gap_unread ON source_gap (node, source) WHERE read_at_us IS NULL;
