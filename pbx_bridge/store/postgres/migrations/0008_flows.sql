-- As store/migrations/0008_flows.sql, for PostgreSQL.
-- What flows know of customers and tickets beyond the first version, and what they write down for people.

ALTER TABLE customer ADD COLUMN agent TEXT COLLATE "C" NOT NULL DEFAULT '';  -- the extension of their own agent
ALTER TABLE customer ADD COLUMN pin_hash TEXT COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE ticket ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'request';  -- request, complaint
ALTER TABLE ticket ADD COLUMN note TEXT COLLATE "C" NOT NULL DEFAULT '';  -- free text that callers are told
ALTER TABLE ticket ADD COLUMN message TEXT COLLATE "C" NOT NULL DEFAULT '';  -- the recorded message it came with
ALTER TABLE ticket ADD COLUMN origin TEXT COLLATE "C";  -- what opened it: the same origin opens it once
CREATE UNIQUE INDEX ticket_by_origin ON ticket (origin) WHERE origin IS NOT NULL;

CREATE TABLE complaint (  -- after ISO 10002: what a complaint's handling must be able to show
  tracking_number TEXT COLLATE "C" PRIMARY KEY REFERENCES ticket (tracking_number),
  reason TEXT COLLATE "C" NOT NULL,
  received_at_us BIGINT NOT NULL,
  acknowledge_by_us BIGINT NOT NULL,
  answer_by_us BIGINT NOT NULL,
  acknowledged_at_us BIGINT,
  answered_at_us BIGINT,
  closed_at_us BIGINT,
  done TEXT COLLATE "C" NOT NULL DEFAULT ''  -- what was done about it
);

CREATE TABLE callback (
  id TEXT COLLATE "C" PRIMARY KEY,  -- made of what asked for it: the same asks once
  node TEXT COLLATE "C" NOT NULL,
  channel TEXT COLLATE "C" NOT NULL,
  number TEXT COLLATE "C" NOT NULL,
  customer_code TEXT COLLATE "C" NOT NULL DEFAULT '',
  queue TEXT COLLATE "C" NOT NULL,
  asked_at_us BIGINT NOT NULL,
  wanted_at_us BIGINT NOT NULL,
  done_at_us BIGINT,
  done_by TEXT COLLATE "C" NOT NULL DEFAULT '',
  result TEXT COLLATE "C" NOT NULL DEFAULT '',
  moved_by TEXT COLLATE "C" NOT NULL DEFAULT ''  -- what asked for the same again, the last time
);
CREATE INDEX callback_open ON callback (wanted_at_us) WHERE done_at_us IS NULL;
CREATE INDEX callback_open_to ON callback (number, queue) WHERE done_at_us IS NULL;

CREATE TABLE message (  -- what a caller recorded
  name TEXT COLLATE "C" PRIMARY KEY,
  node TEXT COLLATE "C" NOT NULL,
  channel TEXT COLLATE "C" NOT NULL,
  flow_node TEXT COLLATE "C" NOT NULL,
  caller TEXT COLLATE "C" NOT NULL,
  made_at_us BIGINT NOT NULL,
  length_us BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  sha256 TEXT COLLATE "C" NOT NULL,
  path TEXT COLLATE "C" NOT NULL  -- below the folder of messages; empty once its time is up
);
CREATE INDEX message_by_time ON message (made_at_us, name);

CREATE TABLE wrong_try (  -- numbers and PINs that were not right
  caller TEXT COLLATE "C" NOT NULL,
  what TEXT COLLATE "C" NOT NULL,
  at_us BIGINT NOT NULL,
  PRIMARY KEY (caller, at_us, what)
);
CREATE INDEX wrong_try_by_time ON wrong_try (at_us);
