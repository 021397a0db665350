-- As store/migrations/0013_contracts.sql, for PostgreSQL.
-- Renewals of contracts, callbacks and follow-ups.

-- What became of a contract's renewal. The outcome is of one term: of the one that ends on outcome_end, so a term that
-- an import has made longer is open again. An import writes none of these.
ALTER TABLE contract ADD COLUMN outcome TEXT COLLATE "C" NOT NULL DEFAULT '';  -- won, lost
ALTER TABLE contract ADD COLUMN outcome_end TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE contract ADD COLUMN renews TEXT COLLATE "C" NOT NULL DEFAULT '';  -- the number of the contract that it goes on from
CREATE INDEX contract_by_end ON contract (ends_on, customer_code, number);

CREATE TABLE contract_entry (  -- what was done about a renewal; never changed: a later entry undoes an earlier one
  id TEXT COLLATE "C" PRIMARY KEY,
  customer_code TEXT COLLATE "C" NOT NULL,
  number TEXT COLLATE "C" NOT NULL,
  at_us BIGINT NOT NULL,
  user_name TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,  -- note, step, won, lost, undo
  ends_on TEXT COLLATE "C" NOT NULL,  -- the last day of the term that it is about
  body TEXT COLLATE "C" NOT NULL DEFAULT '',
  reason TEXT COLLATE "C" NOT NULL DEFAULT '',  -- lost: why
  renewed TEXT COLLATE "C" NOT NULL DEFAULT '',  -- won: the number of the contract that it wrote
  renewed_to TEXT COLLATE "C" NOT NULL DEFAULT '',  -- and the last day of that
  callback TEXT COLLATE "C" NOT NULL DEFAULT '',  -- step: its follow-up
  step_us BIGINT,  -- and when that is due
  undoes TEXT COLLATE "C" NOT NULL DEFAULT ''  -- undo: the entry that holds no more
);
CREATE INDEX contract_entry_of ON contract_entry (customer_code, number, at_us, id);

ALTER TABLE callback ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'asked';  -- asked: by the caller; follow_up: by one of us
ALTER TABLE callback ADD COLUMN about TEXT COLLATE "C" NOT NULL DEFAULT '';  -- customer:CODE, ticket:NUMBER, contract:CODE:NUMBER
ALTER TABLE callback ADD COLUMN why TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE callback ADD COLUMN owner TEXT COLLATE "C" NOT NULL DEFAULT '';  -- who is to call; empty: anybody of the queue
ALTER TABLE callback ADD COLUMN made_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE callback ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;  -- in vain, since it was asked for or opened again
ALTER TABLE callback ADD COLUMN taken_by TEXT COLLATE "C" NOT NULL DEFAULT '';  -- who is calling now
ALTER TABLE callback ADD COLUMN taken_at_us BIGINT;
ALTER TABLE callback ADD COLUMN taken_until_us BIGINT;
CREATE INDEX callback_by_wanted ON callback (wanted_at_us, id);
CREATE INDEX callback_by_done ON callback (done_at_us, id) WHERE done_at_us IS NOT NULL;
CREATE INDEX callback_by_customer ON callback (customer_code, wanted_at_us) WHERE customer_code <> '';

CREATE TABLE callback_try (  -- a call that was made for it
  callback_id TEXT COLLATE "C" NOT NULL,
  call_id TEXT COLLATE "C" NOT NULL,
  at_us BIGINT NOT NULL,
  agent TEXT COLLATE "C" NOT NULL,
  outcome TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (callback_id, call_id)
);
CREATE INDEX callback_try_by_call ON callback_try (call_id);

CREATE TABLE callback_change (  -- what people did with it
  id TEXT COLLATE "C" PRIMARY KEY,
  callback_id TEXT COLLATE "C" NOT NULL,
  at_us BIGINT NOT NULL,
  user_name TEXT COLLATE "C" NOT NULL,
  what TEXT COLLATE "C" NOT NULL,  -- made, taken, freed, put_off, given, closed, opened
  detail TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX callback_change_of ON callback_change (callback_id, at_us, id);
