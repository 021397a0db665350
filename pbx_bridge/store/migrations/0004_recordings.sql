-- Recordings of talks: what the dialplan told of, and what became of its file.

CREATE TABLE recording (
  node TEXT NOT NULL,
  file TEXT NOT NULL,  -- as the dialplan named it
  channel TEXT NOT NULL,
  call_id TEXT NOT NULL,
  started_at_us INTEGER NOT NULL,
  state TEXT NOT NULL,
  path TEXT NOT NULL,  -- below the folder of kept recordings; empty unless there was a file
  length_us INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (node, file)
);
CREATE INDEX recording_by_call ON recording (call_id);
CREATE INDEX recording_by_start ON recording (started_at_us, node, file);
CREATE INDEX recording_awaited ON recording (node, started_at_us) WHERE state = 'awaited';
