-- What is done about tickets and complaints, and by when it was promised.

ALTER TABLE ticket ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;  -- who changes an older one is told so
ALTER TABLE ticket ADD COLUMN opened_by TEXT NOT NULL DEFAULT '';  -- a user; empty: a caller, or an import
ALTER TABLE ticket ADD COLUMN assigned_to TEXT NOT NULL DEFAULT '';  -- a user; empty: nobody
ALTER TABLE ticket ADD COLUMN reopened INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ticket ADD COLUMN respond_by_us INTEGER;  -- NULL: nothing was promised
ALTER TABLE ticket ADD COLUMN resolve_by_us INTEGER;
ALTER TABLE ticket ADD COLUMN promised_by_us INTEGER;  -- the end of the day that callers are told
ALTER TABLE ticket ADD COLUMN responded_at_us INTEGER;
ALTER TABLE ticket ADD COLUMN stopped_at_us INTEGER;  -- since when the promise to resolve it stands still
ALTER TABLE ticket ADD COLUMN resolved_at_us INTEGER;
CREATE INDEX ticket_by_time ON ticket (created_at_us, tracking_number);
CREATE INDEX ticket_of_user ON ticket (assigned_to, created_at_us, tracking_number) WHERE assigned_to <> '';

ALTER TABLE complaint ADD COLUMN level INTEGER NOT NULL DEFAULT 0;  -- how far up people took it
ALTER TABLE complaint ADD COLUMN satisfaction TEXT NOT NULL DEFAULT '';  -- yes, partly, no, unknown; empty: not asked
CREATE INDEX complaint_by_deadline ON complaint (answer_by_us, tracking_number);
CREATE INDEX complaint_by_time ON complaint (received_at_us);

-- A complaint's promises are its deadlines; where other tickets stand was known before, since when only about.
UPDATE ticket SET
  respond_by_us = (SELECT c.acknowledge_by_us FROM complaint c WHERE c.tracking_number = ticket.tracking_number),
  resolve_by_us = (SELECT c.answer_by_us FROM complaint c WHERE c.tracking_number = ticket.tracking_number),
  responded_at_us = (SELECT c.acknowledged_at_us FROM complaint c WHERE c.tracking_number = ticket.tracking_number),
  stopped_at_us = (SELECT c.answered_at_us FROM complaint c WHERE c.tracking_number = ticket.tracking_number),
  resolved_at_us = (SELECT c.answered_at_us FROM complaint c WHERE c.tracking_number = ticket.tracking_number)
WHERE kind = 'complaint';
UPDATE ticket SET stopped_at_us = updated_at_us, resolved_at_us = updated_at_us
WHERE kind <> 'complaint' AND status IN ('resolved', 'closed');
UPDATE ticket SET stopped_at_us = updated_at_us WHERE kind <> 'complaint' AND status = 'waiting_customer';

CREATE TABLE ticket_event (  -- every change of a ticket; never changed itself
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tracking_number TEXT NOT NULL REFERENCES ticket (tracking_number),
  at_us INTEGER NOT NULL,
  user_name TEXT NOT NULL,  -- empty: no person of ours
  what TEXT NOT NULL,
  before_text TEXT NOT NULL DEFAULT '',
  after_text TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL DEFAULT ''
);
CREATE INDEX ticket_event_of ON ticket_event (tracking_number, id);
