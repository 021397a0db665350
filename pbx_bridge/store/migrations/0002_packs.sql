-- Facts of calls long over, each call's in one compressed row; and who reads the outbox.

CREATE TABLE fact_pack (
  call_group INTEGER PRIMARY KEY,
  body BLOB NOT NULL
);

-- The channel keys of packed groups, each by a hash of node and key: a late fact finds its group by it.
CREATE TABLE packed_key (
  key_hash INTEGER PRIMARY KEY,
  call_group INTEGER NOT NULL
);

CREATE INDEX call_group_unpacked ON call_group (id) WHERE settled = 1;  -- settled = 2: packed

CREATE TABLE outbox_reader (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  moved_at_us INTEGER NOT NULL
);
