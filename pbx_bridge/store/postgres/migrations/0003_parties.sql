-- As store/migrations/0003_parties.sql, for PostgreSQL: whole numbers of 64 bits, texts compared by their bytes.
-- Who a call was with: the customer and how they were known, the agents, where it was delivered; and past calls whose
-- customer is to be looked up again.

ALTER TABLE call ADD COLUMN customer_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN agent TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN destination TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN transfer TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN left_voicemail BIGINT NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN cause BIGINT;
ALTER TABLE call ADD COLUMN source TEXT COLLATE "C" NOT NULL DEFAULT 'cel';
ALTER TABLE call ADD COLUMN ring_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN hold_us BIGINT NOT NULL DEFAULT 0;
CREATE INDEX call_by_customer ON call (customer_code, started_at_us DESC, call_id DESC) WHERE customer_code <> '';
CREATE INDEX call_by_agent ON call (agent, started_at_us DESC, call_id DESC) WHERE agent <> '';

CREATE TABLE agent (
  extension TEXT COLLATE "C" PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL
);

-- Numbers whose contacts changed: their calls are looked through, newest first, from below_us and below_id on.
CREATE TABLE relink (
  number TEXT COLLATE "C" PRIMARY KEY,
  below_us BIGINT NOT NULL,
  below_id TEXT COLLATE "C" NOT NULL,
  turn BIGINT NOT NULL
);
INSERT INTO relink (number, below_us, below_id, turn)
SELECT DISTINCT phone_e164, 9223372036854775807, '', 0 FROM contact;
