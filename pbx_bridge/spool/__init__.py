"""The record path in: readers of the CEL spool and queue_log, with cursors, into facts."""
