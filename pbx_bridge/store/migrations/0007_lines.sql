-- What a list shows of a call and no column told. NULL in a row from before: it stands in the body.

ALTER TABLE call ADD COLUMN name TEXT;
ALTER TABLE call ADD COLUMN tracking_numbers TEXT;
