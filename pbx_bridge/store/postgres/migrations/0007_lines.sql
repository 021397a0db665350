-- As store/migrations/0007_lines.sql, for PostgreSQL.
-- What a list shows of a call and no column told. NULL in a row from before: it stands in the body.

ALTER TABLE call ADD COLUMN name TEXT COLLATE "C";
ALTER TABLE call ADD COLUMN tracking_numbers TEXT COLLATE "C";
