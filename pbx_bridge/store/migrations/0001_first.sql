-- The journal, the calls folded from it, the CRM and the users.
-- Times are whole microseconds since 1970, UTC. Whatever comes from a PBX is qualified by its node.

CREATE TABLE fact (
  node TEXT NOT NULL,
  file TEXT NOT NULL,
  at_offset INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  channel TEXT NOT NULL,
  linkedid TEXT NOT NULL,
  body TEXT NOT NULL,
  call_group INTEGER,
  UNIQUE (node, file, at_offset)
);
CREATE INDEX fact_by_group ON fact (call_group) WHERE call_group IS NOT NULL;
CREATE INDEX fact_by_boot ON fact (node, at_us) WHERE kind = 'boot';

CREATE TABLE call_group (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: groups merge away
  node TEXT NOT NULL,
  dirty_since_us INTEGER,
  settled INTEGER NOT NULL DEFAULT 0,  -- folded with all its facts, and over
  trouble TEXT NOT NULL DEFAULT ''
);
CREATE INDEX call_group_unsettled ON call_group (node) WHERE settled = 0;

CREATE TABLE call_key (
  node TEXT NOT NULL,
  channel_key TEXT NOT NULL,
  call_group INTEGER NOT NULL,
  PRIMARY KEY (node, channel_key)
);
CREATE INDEX call_key_by_group ON call_key (call_group);

CREATE TABLE unreadable (
  node TEXT NOT NULL,
  file TEXT NOT NULL,
  at_offset INTEGER NOT NULL,
  body TEXT NOT NULL,
  reason TEXT NOT NULL,
  found_at_us INTEGER NOT NULL,
  PRIMARY KEY (node, file, at_offset)
);

CREATE TABLE source_cursor (
  node TEXT NOT NULL,
  source TEXT NOT NULL,
  file TEXT NOT NULL,
  at_offset INTEGER NOT NULL,
  moved_at_us INTEGER NOT NULL,
  PRIMARY KEY (node, source, file)
);

CREATE TABLE run (
  node TEXT NOT NULL,
  channel TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (node, channel)
);

CREATE TABLE call (
  call_id TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  changed_at_us INTEGER NOT NULL,
  call_group INTEGER NOT NULL,
  node TEXT NOT NULL,
  root TEXT NOT NULL,
  direction TEXT NOT NULL,
  outcome TEXT,
  started_at_us INTEGER NOT NULL,
  answered_at_us INTEGER,
  ended_at_us INTEGER,
  caller TEXT NOT NULL,
  caller_number TEXT NOT NULL,
  called TEXT NOT NULL,
  called_number TEXT NOT NULL,
  customer_code TEXT NOT NULL,
  language TEXT NOT NULL,
  talk_us INTEGER NOT NULL,
  wait_us INTEGER NOT NULL,
  ivr_us INTEGER NOT NULL,
  end_estimated INTEGER NOT NULL,
  fallback INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX call_by_start ON call (started_at_us DESC, call_id DESC);
CREATE INDEX call_by_caller ON call (caller_number, started_at_us DESC, call_id DESC);
CREATE INDEX call_by_called ON call (called_number, started_at_us DESC, call_id DESC);
CREATE INDEX call_by_group ON call (call_group);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  call_id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  gone INTEGER NOT NULL DEFAULT 0,
  created_at_us INTEGER NOT NULL
);

CREATE TABLE customer (
  code TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  language TEXT,
  tier TEXT NOT NULL
);

CREATE TABLE contact (
  customer_code TEXT NOT NULL REFERENCES customer (code),
  phone_e164 TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (customer_code, phone_e164)
);
CREATE INDEX contact_by_phone ON contact (phone_e164);

CREATE TABLE contract (
  customer_code TEXT NOT NULL REFERENCES customer (code),
  number TEXT NOT NULL,
  starts_on TEXT NOT NULL,
  ends_on TEXT NOT NULL,
  level TEXT NOT NULL,
  PRIMARY KEY (customer_code, number)
);

CREATE TABLE ticket (
  tracking_number TEXT PRIMARY KEY,
  customer_code TEXT NOT NULL REFERENCES customer (code),
  subject TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at_us INTEGER NOT NULL,
  updated_at_us INTEGER NOT NULL,
  promised_on TEXT
);
CREATE INDEX ticket_by_customer ON ticket (customer_code);

CREATE TABLE user_account (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  password_hash TEXT NOT NULL
);
