-- As store/migrations/0014_moments.sql, for PostgreSQL.
-- Moments that went wrong, found and counted as fast with ten million calls; and what no list is read from any more.

ALTER TABLE moment ADD COLUMN agent TEXT COLLATE "C" NOT NULL DEFAULT '';  -- who spoke last in its call
UPDATE moment SET agent = COALESCE(
  (SELECT call.agent FROM call WHERE call.call_id = moment.call_id AND call.started_at_us = moment.at_us), '');

DROP INDEX call_by_agent;  -- facets tell who spoke

-- Every list is read from some of these, each in the list's order: see moment_lists.py.
DROP INDEX moment_by_state;
DROP INDEX moment_by_time;
CREATE INDEX moment_by_kind ON moment (kind, state, at_us, call_id);
CREATE INDEX moment_by_owner ON moment (owner, at_us, call_id) WHERE owner <> '';
CREATE INDEX moment_by_agent ON moment (agent, kind, state, at_us, call_id) WHERE agent <> '';

CREATE TABLE moment_day (  -- how many there are of the calls begun on a day, UTC
  kind TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  day BIGINT NOT NULL,  -- since 1970
  n BIGINT NOT NULL,
  PRIMARY KEY (kind, state, day)
);
INSERT INTO moment_day (kind, state, day, n)
SELECT kind, state, (at_us - (at_us % 86400000000 + 86400000000) % 86400000000) / 86400000000 AS day, COUNT(*)
FROM moment GROUP BY 1, 2, 3;
