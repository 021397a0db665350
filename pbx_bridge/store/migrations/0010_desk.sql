-- The agent's desk: calls asked for by a click, and what agents wrote of calls in hand.

CREATE TABLE wrap_up (  -- a call in an agent's hands, and what they told of it
  call_id TEXT NOT NULL,
  user_name TEXT NOT NULL,
  extension TEXT NOT NULL,
  node TEXT NOT NULL,
  channel TEXT NOT NULL,  -- its first, by which it is found on record should it be another call by then
  number TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL DEFAULT '',
  customer_code TEXT NOT NULL DEFAULT '',  -- as the agent chose; empty: as the record has it
  began_at_us INTEGER NOT NULL,
  ended_at_us INTEGER,
  state TEXT NOT NULL DEFAULT 'open',  -- open, later, done
  reason TEXT NOT NULL DEFAULT '',
  next_step TEXT NOT NULL DEFAULT '',
  note_id TEXT NOT NULL,
  note_turn INTEGER NOT NULL DEFAULT 0,  -- how often the note was written: of two who write, the later is told
  done_at_us INTEGER,
  PRIMARY KEY (call_id, user_name)
);
CREATE INDEX wrap_up_by_user ON wrap_up (user_name, began_at_us) WHERE state <> 'done';

CREATE TABLE dial (  -- calls asked for by a click or by a program; each is sent to Asterisk once or never
  id TEXT PRIMARY KEY,
  node TEXT NOT NULL,
  channel TEXT NOT NULL,  -- the id that the agent's channel gets
  extension TEXT NOT NULL,  -- whose phone rings
  user_name TEXT NOT NULL,
  ask_key TEXT NOT NULL,  -- the same key of the same user is the same call
  number TEXT NOT NULL,  -- as it is dialled
  about TEXT NOT NULL,  -- customer:CODE, ticket:NUMBER, callback:ID, contract:CODE:NUMBER
  state TEXT NOT NULL,  -- asked, sent, over
  reason TEXT NOT NULL,  -- how it ended
  asked_at_us INTEGER NOT NULL,
  sent_at_us INTEGER,
  ended_at_us INTEGER,
  call_id TEXT NOT NULL  -- on the record, once it is known there
);
CREATE INDEX dial_by_key ON dial (user_name, ask_key);
CREATE INDEX dial_open ON dial (node, extension) WHERE state <> 'over';
CREATE INDEX dial_by_about ON dial (about, asked_at_us) WHERE about <> '';
