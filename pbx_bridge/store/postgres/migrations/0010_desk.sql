-- The agent's desk: calls asked for by a click, and what agents wrote of calls in hand.

CREATE TABLE wrap_up (  -- a call in an agent's hands, and what they told of it
  call_id TEXT COLLATE "C" NOT NULL,
  user_name TEXT COLLATE "C" NOT NULL,
  extension TEXT COLLATE "C" NOT NULL,
  node TEXT COLLATE "C" NOT NULL,
  channel TEXT COLLATE "C" NOT NULL,  -- its first, by which it is found on record should it be another call by then
  number TEXT COLLATE "C" NOT NULL DEFAULT '',
  name TEXT COLLATE "C" NOT NULL DEFAULT '',
  customer_code TEXT COLLATE "C" NOT NULL DEFAULT '',  -- as the agent chose; empty: as the record has it
  began_at_us BIGINT NOT NULL,
  ended_at_us BIGINT,
  state TEXT COLLATE "C" NOT NULL DEFAULT 'open',  -- open, later, done
  reason TEXT COLLATE "C" NOT NULL DEFAULT '',
  next_step TEXT COLLATE "C" NOT NULL DEFAULT '',
  note_id TEXT COLLATE "C" NOT NULL,
  note_turn BIGINT NOT NULL DEFAULT 0,  -- how often the note was written: of two who write, the later is told
  done_at_us BIGINT,
  PRIMARY KEY (call_id, user_name)
);
CREATE INDEX wrap_up_by_user ON wrap_up (user_name, began_at_us) WHERE state <> 'done';

CREATE TABLE dial (  -- calls asked for by a click or by a program; each is sent to Asterisk once or never
  id TEXT COLLATE "C" PRIMARY KEY,
  node TEXT COLLATE "C" NOT NULL,
  channel TEXT COLLATE "C" NOT NULL,  -- the id that the agent's channel gets
  extension TEXT COLLATE "C" NOT NULL,  -- whose phone rings
  user_name TEXT COLLATE "C" NOT NULL,
  ask_key TEXT COLLATE "C" NOT NULL,  -- the same key of the same user is the same call
  number TEXT COLLATE "C" NOT NULL,  -- as it is dialled
  about TEXT COLLATE "C" NOT NULL,  -- customer:CODE, ticket:NUMBER, callback:ID, contract:CODE:NUMBER
  state TEXT COLLATE "C" NOT NULL,  -- asked, sent, over
  reason TEXT COLLATE "C" NOT NULL,  -- how it ended
  asked_at_us BIGINT NOT NULL,
  sent_at_us BIGINT,
  ended_at_us BIGINT,
  call_id TEXT COLLATE "C" NOT NULL  -- on the record, once it is known there
);
CREATE INDEX dial_by_key ON dial (user_name, ask_key);
CREATE INDEX dial_open ON dial (node, extension) WHERE state <> 'over';
CREATE INDEX dial_by_about ON dial (about, asked_at_us) WHERE about <> '';
