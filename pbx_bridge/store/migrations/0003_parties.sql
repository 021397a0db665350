-- Who a call was with: the customer and how they were known, the agents, where it was delivered; and past calls whose
-- customer is to be looked up again.

ALTER TABLE call ADD COLUMN customer_by TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN destination TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN transfer TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN left_voicemail INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN cause INTEGER;
ALTER TABLE call ADD COLUMN source TEXT NOT NULL DEFAULT 'cel';
ALTER TABLE call ADD COLUMN ring_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN hold_us INTEGER NOT NULL DEFAULT 0;
CREATE INDEX call_by_customer ON call (customer_code, started_at_us DESC, call_id DESC) WHERE customer_code <> '';
CREATE INDEX call_by_agent ON call (agent, started_at_us DESC, call_id DESC) WHERE agent <> '';

CREATE TABLE agent (
  extension TEXT PRIMARY KEY,
  name TEXT NOT NULL
);

-- Numbers whose contacts changed: their calls are looked through, newest first, from below_us and below_id on.
CREATE TABLE relink (
  number TEXT PRIMARY KEY,
  below_us INTEGER NOT NULL,
  below_id TEXT NOT NULL,
  turn INTEGER NOT NULL
);
INSERT INTO relink (number, below_us, below_id, turn)
SELECT DISTINCT phone_e164, 9223372036854775807, '', 0 FROM contact;
