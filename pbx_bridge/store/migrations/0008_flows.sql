-- What flows know of customers and tickets beyond the first version, and what they write down for people.

ALTER TABLE customer ADD COLUMN agent TEXT NOT NULL DEFAULT '';  -- the extension of their own agent
ALTER TABLE customer ADD COLUMN pin_hash TEXT NOT NULL DEFAULT '';

ALTER TABLE ticket ADD COLUMN kind TEXT NOT NULL DEFAULT 'request';  -- request, complaint
ALTER TABLE ticket ADD COLUMN note TEXT NOT NULL DEFAULT '';  -- free text that callers are told
ALTER TABLE ticket ADD COLUMN message TEXT NOT NULL DEFAULT '';  -- the recorded message it came with
ALTER TABLE ticket ADD COLUMN origin TEXT;  -- what opened it: the same origin opens it once
CREATE UNIQUE INDEX ticket_by_origin ON ticket (origin) WHERE origin IS NOT NULL;

CREATE TABLE complaint (  -- after ISO 10002: what a complaint's handling must be able to show
  tracking_number TEXT PRIMARY KEY REFERENCES ticket (tracking_number),
  reason TEXT NOT NULL,
  received_at_us INTEGER NOT NULL,
  acknowledge_by_us INTEGER NOT NULL,
  answer_by_us INTEGER NOT NULL,
  acknowledged_at_us INTEGER,
  answered_at_us INTEGER,
  closed_at_us INTEGER,
  done TEXT NOT NULL DEFAULT ''  -- what was done about it
);

CREATE TABLE callback (
  id TEXT PRIMARY KEY,  -- made of what asked for it: the same asks once
  node TEXT NOT NULL,
  channel TEXT NOT NULL,
  number TEXT NOT NULL,
  customer_code TEXT NOT NULL DEFAULT '',
  queue TEXT NOT NULL,
  asked_at_us INTEGER NOT NULL,
  wanted_at_us INTEGER NOT NULL,
  done_at_us INTEGER,
  done_by TEXT NOT NULL DEFAULT '',
  result TEXT NOT NULL DEFAULT '',
  moved_by TEXT NOT NULL DEFAULT ''  -- what asked for the same again, the last time
);
CREATE INDEX callback_open ON callback (wanted_at_us) WHERE done_at_us IS NULL;
CREATE INDEX callback_open_to ON callback (number, queue) WHERE done_at_us IS NULL;

CREATE TABLE message (  -- what a caller recorded
  name TEXT PRIMARY KEY,
  node TEXT NOT NULL,
  channel TEXT NOT NULL,
  flow_node TEXT NOT NULL,
  caller TEXT NOT NULL,
  made_at_us INTEGER NOT NULL,
  length_us INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  path TEXT NOT NULL  -- below the folder of messages; empty once its time is up
);
CREATE INDEX message_by_time ON message (made_at_us, name);

CREATE TABLE wrong_try (  -- numbers and PINs that were not right
  caller TEXT NOT NULL,
  what TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  PRIMARY KEY (caller, at_us, what)
);
CREATE INDEX wrong_try_by_time ON wrong_try (at_us);
