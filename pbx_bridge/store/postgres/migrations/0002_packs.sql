-- As store/migrations/0002_packs.sql, for PostgreSQL: whole numbers of 64 bits, texts compared by their bytes.
-- Facts of calls long over, each call's in one compressed row; and who reads the outbox.

CREATE TABLE fact_pack (
  call_group BIGINT PRIMARY KEY,
  body BYTEA NOT NULL
);

-- The channel keys of packed groups, each by a hash of node and key: a late fact finds its group by it.
CREATE TABLE packed_key (
  key_hash BIGINT PRIMARY KEY,
  call_group BIGINT NOT NULL
);

CREATE INDEX call_group_unpacked ON call_group (id) WHERE settled = 1;  -- settled = 2: packed

CREATE TABLE outbox_reader (
  name TEXT COLLATE "C" PRIMARY KEY,
  position BIGINT NOT NULL,
  moved_at_us BIGINT NOT NULL
);
