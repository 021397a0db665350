-- insert_fact: journal one fact; a fact already there stays as it is
INSERT INTO fact (node, file, at_offset, kind, at_us, channel, linkedid, body, call_group)
VALUES (:node, :file, :at_offset, :kind, :at_us, :channel, :linkedid, :body, :call_group)
ON CONFLICT (node, file, at_offset) DO NOTHING;

-- facts_of_group: every fact of one group, in any order
SELECT node, file, at_offset, kind, at_us, channel, linkedid, body FROM fact WHERE call_group = :id;

-- boots_after: when a node's Asterisk started, from a moment on
SELECT at_us FROM fact WHERE kind = 'boot' AND node = :node AND at_us >= :at_us ORDER BY at_us;

-- group_of_key: the group a channel key belongs to
SELECT call_group FROM call_key WHERE node = :node AND channel_key = :channel_key;

-- new_group: a dirty group for facts that belong to none yet
INSERT INTO call_group (node, dirty_since_us) VALUES (:node, :now_us) RETURNING id;

-- insert_key: from now on this channel key belongs to this group
INSERT INTO call_key (node, channel_key, call_group) VALUES (:node, :channel_key, :call_group)
ON CONFLICT (node, channel_key) DO UPDATE SET call_group = excluded.call_group;

-- touch_group: new facts came: dirty, and worth another try if it was broken
UPDATE call_group SET dirty_since_us = COALESCE(dirty_since_us, :now_us), settled = 0, trouble = '' WHERE id = :id;

-- merge_facts: the losing group's facts go over to the winner
UPDATE fact SET call_group = :winner WHERE call_group = :loser;

-- merge_keys: so do its keys
UPDATE call_key SET call_group = :winner WHERE call_group = :loser;

-- merge_calls: and its call, until the winner is folded and one of the two goes
UPDATE call SET call_group = :winner WHERE call_group = :loser;

-- delete_group: the losing group is empty now
DELETE FROM call_group WHERE id = :loser;

-- groups_before_boot: groups that were not over, and that began before the start of their node; its time may be told in
-- whole seconds, and the daemon may add steps after it, so their last fact may seem to be younger
SELECT id FROM call_group
WHERE node = :node AND settled = 0
  AND EXISTS (SELECT 1 FROM fact WHERE fact.call_group = call_group.id AND fact.at_us < :at_us);

-- dirty_groups: every group with facts not yet folded, the longest waiting first
SELECT id FROM call_group WHERE settled = 0 AND dirty_since_us IS NOT NULL ORDER BY dirty_since_us;

-- clean_group: folded
UPDATE call_group SET dirty_since_us = NULL, trouble = '', settled = :settled WHERE id = :id;

-- break_group: it could not be folded; it stays dirty with the reason
UPDATE call_group SET trouble = :trouble WHERE id = :id;

-- broken_groups: how many groups cannot be folded
SELECT COUNT(*) FROM call_group WHERE settled = 0 AND trouble <> '';

-- upsert_call: a call's new content under the next revision; no row when nothing changed
INSERT INTO call (
  call_id, revision, content_hash, changed_at_us, call_group, node, root, direction, outcome,
  started_at_us, answered_at_us, ended_at_us, caller, caller_number, called, called_number,
  customer_code, language, talk_us, wait_us, ivr_us, end_estimated, fallback, body
) VALUES (
  :call_id, 1, :content_hash, :changed_at_us, :call_group, :node, :root, :direction, :outcome,
  :started_at_us, :answered_at_us, :ended_at_us, :caller, :caller_number, :called, :called_number,
  :customer_code, :language, :talk_us, :wait_us, :ivr_us, :end_estimated, :fallback, :body
)
ON CONFLICT (call_id) DO UPDATE SET
  revision = call.revision + 1, content_hash = excluded.content_hash, changed_at_us = excluded.changed_at_us,
  call_group = excluded.call_group, direction = excluded.direction, outcome = excluded.outcome,
  started_at_us = excluded.started_at_us, answered_at_us = excluded.answered_at_us,
  ended_at_us = excluded.ended_at_us, caller = excluded.caller, caller_number = excluded.caller_number,
  called = excluded.called, called_number = excluded.called_number, customer_code = excluded.customer_code,
  language = excluded.language, talk_us = excluded.talk_us, wait_us = excluded.wait_us, ivr_us = excluded.ivr_us,
  end_estimated = excluded.end_estimated, fallback = excluded.fallback, body = excluded.body
WHERE call.content_hash <> excluded.content_hash
RETURNING revision;

-- delete_other_calls: a group has one call; another one is what it was called before two groups met
DELETE FROM call WHERE call_group = :id AND call_id <> :call_id RETURNING call_id, revision;

-- insert_outbox: tell consumers of a revision, or that a call is gone
INSERT INTO outbox (call_id, revision, gone, created_at_us) VALUES (:call_id, :revision, :gone, :created_at_us);

-- insert_unreadable: keep a record aside that cannot be decoded
INSERT INTO unreadable (node, file, at_offset, body, reason, found_at_us)
VALUES (:node, :file, :at_offset, :body, :reason, :found_at_us)
ON CONFLICT (node, file, at_offset) DO NOTHING;

-- list_unreadable: the latest unreadable records
SELECT node, file, at_offset, body, reason FROM unreadable ORDER BY found_at_us DESC, at_offset DESC LIMIT :limit;

-- upsert_cursor: a file has been read this far
INSERT INTO source_cursor (node, source, file, at_offset, moved_at_us)
VALUES (:node, :source, :file, :at_offset, :moved_at_us)
ON CONFLICT (node, source, file) DO UPDATE SET at_offset = excluded.at_offset, moved_at_us = excluded.moved_at_us;

-- cursors: how far a node's files have been read, the latest moved last
SELECT node, source, file, at_offset FROM source_cursor WHERE node = :node ORDER BY moved_at_us, file;

-- upsert_run: a run's checkpoint
INSERT INTO run (node, channel, body) VALUES (:node, :channel, :body)
ON CONFLICT (node, channel) DO UPDATE SET body = excluded.body;

-- delete_run: a run is over
DELETE FROM run WHERE node = :node AND channel = :channel;

-- runs: every run of a node that is not over
SELECT node, channel, body FROM run WHERE node = :node ORDER BY channel;

-- get_call: one call
SELECT body, revision FROM call WHERE call_id = :call_id;

-- page_calls: one page of calls, newest first
SELECT body, revision FROM call
WHERE started_at_us >= :start_us AND started_at_us < :end_us
  AND (started_at_us < :before_us OR (started_at_us = :before_us AND call_id < :before_id))
ORDER BY started_at_us DESC, call_id DESC LIMIT :limit;

-- page_calls_of_number: the same, of one caller or number called
SELECT body, revision FROM (
  SELECT * FROM (
    SELECT body, revision, started_at_us, call_id FROM call
    WHERE caller_number = :number AND started_at_us >= :start_us AND started_at_us < :end_us
      AND (started_at_us < :before_us OR (started_at_us = :before_us AND call_id < :before_id))
    ORDER BY started_at_us DESC, call_id DESC LIMIT :limit
  ) AS by_caller
  UNION
  SELECT * FROM (
    SELECT body, revision, started_at_us, call_id FROM call
    WHERE called_number = :number AND started_at_us >= :start_us AND started_at_us < :end_us
      AND (started_at_us < :before_us OR (started_at_us = :before_us AND call_id < :before_id))
    ORDER BY started_at_us DESC, call_id DESC LIMIT :limit
  ) AS by_called
) AS either
ORDER BY started_at_us DESC, call_id DESC LIMIT :limit;

-- newer_calls: the calls right before a place in the list, oldest first
SELECT body, revision FROM call
WHERE started_at_us >= :start_us AND started_at_us < :end_us
  AND (started_at_us > :after_us OR (started_at_us = :after_us AND call_id > :after_id))
ORDER BY started_at_us, call_id LIMIT :limit;

-- newer_calls_of_number: the same, of one caller or number called
SELECT body, revision FROM (
  SELECT * FROM (
    SELECT body, revision, started_at_us, call_id FROM call
    WHERE caller_number = :number AND started_at_us >= :start_us AND started_at_us < :end_us
      AND (started_at_us > :after_us OR (started_at_us = :after_us AND call_id > :after_id))
    ORDER BY started_at_us, call_id LIMIT :limit
  ) AS by_caller
  UNION
  SELECT * FROM (
    SELECT body, revision, started_at_us, call_id FROM call
    WHERE called_number = :number AND started_at_us >= :start_us AND started_at_us < :end_us
      AND (started_at_us > :after_us OR (started_at_us = :after_us AND call_id > :after_id))
    ORDER BY started_at_us, call_id LIMIT :limit
  ) AS by_called
) AS either
ORDER BY started_at_us, call_id LIMIT :limit;

-- customer_by_code: one customer
SELECT code, name, language, tier FROM customer WHERE code = :code;

-- customers_by_phone: every customer with this phone
SELECT DISTINCT c.code, c.name, c.language, c.tier
FROM customer c JOIN contact p ON p.customer_code = c.code
WHERE p.phone_e164 = :phone ORDER BY c.code;

-- ticket: one ticket by its tracking number
SELECT tracking_number, customer_code, subject, status, created_at_us, updated_at_us, promised_on
FROM ticket WHERE tracking_number = :tracking_number;

-- contract: a customer's best standing contract: valid today, the latest end first; else the last to have ended
SELECT customer_code, number, starts_on, ends_on, level FROM contract
WHERE customer_code = :code AND starts_on <= :today
ORDER BY ends_on DESC, starts_on DESC, number LIMIT 1;

-- upsert_customer: import a customer
INSERT INTO customer (code, name, language, tier) VALUES (:code, :name, :language, :tier)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, language = excluded.language, tier = excluded.tier;

-- upsert_contact: import a contact
INSERT INTO contact (customer_code, phone_e164, name) VALUES (:customer_code, :phone_e164, :name)
ON CONFLICT (customer_code, phone_e164) DO UPDATE SET name = excluded.name;

-- upsert_contract: import a contract
INSERT INTO contract (customer_code, number, starts_on, ends_on, level)
VALUES (:customer_code, :number, :starts_on, :ends_on, :level)
ON CONFLICT (customer_code, number) DO UPDATE SET
  starts_on = excluded.starts_on, ends_on = excluded.ends_on, level = excluded.level;

-- upsert_ticket: import a ticket
INSERT INTO ticket (tracking_number, customer_code, subject, status, created_at_us, updated_at_us, promised_on)
VALUES (:tracking_number, :customer_code, :subject, :status, :created_at_us, :updated_at_us, :promised_on)
ON CONFLICT (tracking_number) DO UPDATE SET
  customer_code = excluded.customer_code, subject = excluded.subject, status = excluded.status,
  created_at_us = excluded.created_at_us, updated_at_us = excluded.updated_at_us, promised_on = excluded.promised_on;

-- same_ticket: the ticket an earlier import gave a number to
SELECT tracking_number FROM ticket
WHERE customer_code = :customer_code AND subject = :subject AND created_at_us = :created_at_us
ORDER BY tracking_number LIMIT 1;

-- customer_codes: every customer's code
SELECT code FROM customer;

-- insert_user: a new user
INSERT INTO user_account (name, role, password_hash) VALUES (:name, :role, :password_hash)
ON CONFLICT (name) DO NOTHING RETURNING name;

-- user: one user with the password's hash
SELECT name, role, password_hash FROM user_account WHERE name = :name;

-- set_password: a user's new password
UPDATE user_account SET password_hash = :password_hash WHERE name = :name RETURNING name;

-- users: every user
SELECT name, role FROM user_account ORDER BY name;

-- steps_of_channel: the IVR steps of one caller from a sequence number on
SELECT at_offset, at_us, body FROM fact
WHERE node = :node AND file = :file AND at_offset >= :sequence AND kind = 'step' ORDER BY at_offset;
