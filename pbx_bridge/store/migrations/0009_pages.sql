-- What the pages read and write: how calls are found, what reports count, what people note, who may see what.

-- What a call is found by, beside its time, its numbers and its customer: the words of calls/facets.py, numbered here.
CREATE TABLE facet (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  UNIQUE (kind, value)
);
CREATE TABLE call_facet (
  facet INTEGER NOT NULL,
  started_at_us INTEGER NOT NULL,
  call_no INTEGER NOT NULL,
  PRIMARY KEY (facet, started_at_us, call_no)
) WITHOUT ROWID;
ALTER TABLE call ADD COLUMN call_no INTEGER;  -- short and never changed, as groups merge and ids are long
CREATE INDEX call_by_no ON call (call_no, started_at_us) WHERE call_no IS NOT NULL;
ALTER TABLE call ADD COLUMN facets TEXT;  -- the numbers of its facets; NULL: not worked out yet

-- What reports count, by day of the store's zone: written with the calls, so it is never behind them.
CREATE TABLE tally (
  name TEXT NOT NULL,
  day INTEGER NOT NULL,  -- days since 1970
  part TEXT NOT NULL,
  n INTEGER NOT NULL,
  total INTEGER NOT NULL,
  PRIMARY KEY (name, day, part)
) WITHOUT ROWID;

-- How far facets and tallies are worked out: of every call up to this place in time. One row.
CREATE TABLE worked_out (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL,
  zone TEXT NOT NULL,
  up_to_us INTEGER NOT NULL,
  up_to_id TEXT NOT NULL,
  complete INTEGER NOT NULL
);

CREATE TABLE moment (  -- moments that went wrong, for somebody to look after
  call_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  detail TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT 'open',  -- open, done
  owner TEXT NOT NULL DEFAULT '',
  note TEXT NOT NULL DEFAULT '',
  changed_at_us INTEGER,
  changed_by TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (call_id, kind)
);
CREATE INDEX moment_by_state ON moment (state, at_us);
CREATE INDEX moment_by_time ON moment (at_us, kind, state);  -- enough to count them

CREATE TABLE call_note (
  id TEXT PRIMARY KEY,
  call_id TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  user_name TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX call_note_by_call ON call_note (call_id, at_us);

CREATE TABLE call_ticket (  -- tickets that people linked to a call
  call_id TEXT NOT NULL,
  tracking_number TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  user_name TEXT NOT NULL,
  PRIMARY KEY (call_id, tracking_number)
);
CREATE INDEX call_ticket_by_number ON call_ticket (tracking_number, at_us);

CREATE TABLE saved_view (
  id TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,  -- the query string, without times that move: `range=week` means the week of whoever looks
  shared INTEGER NOT NULL DEFAULT 0,
  UNIQUE (user_name, name)
);

ALTER TABLE user_account ADD COLUMN full_name TEXT NOT NULL DEFAULT '';
ALTER TABLE user_account ADD COLUMN extension TEXT NOT NULL DEFAULT '';  -- whose calls are their own
ALTER TABLE user_account ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user_account ADD COLUMN oidc_subject TEXT;
CREATE UNIQUE INDEX user_by_subject ON user_account (oidc_subject) WHERE oidc_subject IS NOT NULL;

CREATE TABLE web_session (
  id_hash TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  began_at_us INTEGER NOT NULL,
  seen_at_us INTEGER NOT NULL,
  address TEXT NOT NULL,
  agent TEXT NOT NULL  -- the browser, as it names itself
);
CREATE INDEX web_session_by_user ON web_session (user_name);

CREATE TABLE api_token (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  made_by TEXT NOT NULL,
  made_at_us INTEGER NOT NULL,
  ends_at_us INTEGER,
  used_at_us INTEGER,
  revoked_at_us INTEGER
);

CREATE TABLE audit (  -- who did or saw what; never changed
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL,
  user_name TEXT NOT NULL,
  what TEXT NOT NULL,
  about TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT '',
  address TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at_us, id);
CREATE INDEX audit_by_user ON audit (user_name, at_us, id);
CREATE INDEX audit_by_about ON audit (about, at_us, id);
CREATE INDEX audit_by_what ON audit (what, at_us, id);
CREATE INDEX audit_by_user_and_what ON audit (user_name, what, at_us, id);
