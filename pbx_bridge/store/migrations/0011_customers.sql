-- Customers as people keep them: what they are found by, what was merged, the phone book.

-- What a customer is found by, folded: a line for the name, one for the code, one for each contact's name. It says
-- which rows of customer_word are theirs. NULL: not worked out yet.
ALTER TABLE customer ADD COLUMN found_by TEXT;
CREATE INDEX customer_not_found ON customer (code) WHERE found_by IS NULL;

CREATE TABLE customer_word (  -- where a search may begin
  word TEXT NOT NULL,
  code TEXT NOT NULL,
  own INTEGER NOT NULL,  -- of the customer's own name or code, not of a contact's alone
  PRIMARY KEY (word, code)
) WITHOUT ROWID;

CREATE TABLE customer_merge (  -- two customers became one
  id TEXT PRIMARY KEY,
  gone_code TEXT NOT NULL,
  gone_name TEXT NOT NULL,
  kept_code TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  user_name TEXT NOT NULL,
  body TEXT NOT NULL,  -- each row that was changed, as it was and as it became
  undone_at_us INTEGER,
  undone_by TEXT NOT NULL DEFAULT '',
  stayed TEXT NOT NULL DEFAULT ''  -- what could not be put back
);
CREATE UNIQUE INDEX customer_merge_standing ON customer_merge (gone_code) WHERE undone_at_us IS NULL;
CREATE INDEX customer_merge_of ON customer_merge (kept_code, at_us);

CREATE TABLE phone_book (  -- what somebody calls again and again: a customer, a number, an extension
  id TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  customer_code TEXT NOT NULL,
  number TEXT NOT NULL,
  name TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  UNIQUE (user_name, customer_code, number)
);
CREATE INDEX phone_book_by_customer ON phone_book (customer_code) WHERE customer_code <> '';
