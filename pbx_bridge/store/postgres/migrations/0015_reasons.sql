-- As store/migrations/0015_reasons.sql, for PostgreSQL.
-- What calls were about, counted by the day of the talk and by who had it.

CREATE INDEX wrap_up_told ON wrap_up (began_at_us, reason, extension) WHERE state = 'done';
