-- As store/migrations/0006_lists.sql, for PostgreSQL.
-- The indexes that lists of calls are read from, oldest first: calls come in the order of time, and what is always put
-- in at an index's end fills its pages, at its beginning leaves them half empty. Newest first they are read backwards.

DROP INDEX call_by_start;
DROP INDEX call_by_caller;
DROP INDEX call_by_called;
DROP INDEX call_by_customer;
DROP INDEX call_by_agent;
CREATE INDEX call_by_start ON call (started_at_us, call_id);
CREATE INDEX call_by_caller ON call (caller_number, started_at_us, call_id);
CREATE INDEX call_by_called ON call (called_number, started_at_us, call_id);
CREATE INDEX call_by_customer ON call (customer_code, started_at_us, call_id) WHERE customer_code <> '';
CREATE INDEX call_by_agent ON call (agent, started_at_us, call_id) WHERE agent <> '';
