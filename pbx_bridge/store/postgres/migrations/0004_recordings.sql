-- As store/migrations/0004_recordings.sql, for PostgreSQL: whole numbers of 64 bits, texts compared by their bytes.
-- Recordings of talks: what the dialplan told of, and what became of its file.

CREATE TABLE recording (
  node TEXT COLLATE "C" NOT NULL,
  file TEXT COLLATE "C" NOT NULL,  -- as the dialplan named it
  channel TEXT COLLATE "C" NOT NULL,
  call_id TEXT COLLATE "C" NOT NULL,
  started_at_us BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  path TEXT COLLATE "C" NOT NULL,  -- below the folder of kept recordings; empty unless there was a file
  length_us BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  sha256 TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (node, file)
);
CREATE INDEX recording_by_call ON recording (call_id);
CREATE INDEX recording_by_start ON recording (started_at_us, node, file);
CREATE INDEX recording_awaited ON recording (node, started_at_us) WHERE state = 'awaited';
