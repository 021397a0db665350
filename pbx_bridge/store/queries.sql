-- insert_fact: journal one fact; a fact already there stays as it is
INSERT INTO fact (node, file, at_offset, kind, at_us, channel, linkedid, body, call_group)
VALUES (:node, :file, :at_offset, :kind, :at_us, :channel, :linkedid, :body, :call_group)
ON CONFLICT (node, file, at_offset) DO NOTHING;

-- facts_of_group: every fact of one group, in any order
SELECT node, file, at_offset, kind, at_us, channel, linkedid, body FROM fact WHERE call_group = :id;

-- facts_between: every fact of the groups of neighbouring numbers, in any order
SELECT call_group, node, file, at_offset, kind, at_us, channel, linkedid, body FROM fact
WHERE call_group BETWEEN :first AND :last;

-- packs_between: their packed facts
SELECT call_group, body FROM fact_pack WHERE call_group BETWEEN :first AND :last;

-- calls_between: what stands there of the calls of those groups
SELECT call_group, call_id, content_hash FROM call WHERE call_group BETWEEN :first AND :last;

-- pack_of_group: the packed facts of one group
SELECT body FROM fact_pack WHERE call_group = :id;

-- upsert_pack: a group's facts, packed
INSERT INTO fact_pack (call_group, body) VALUES (:id, :body)
ON CONFLICT (call_group) DO UPDATE SET body = excluded.body;

-- delete_pack: they are facts of their own again
DELETE FROM fact_pack WHERE call_group = :id;

-- rewrite_fact: what it says without a person; what it is known by stays
UPDATE fact SET body = :body WHERE node = :node AND file = :file AND at_offset = :at_offset AND at_us = :at_us;

-- delete_facts_of_group: they are packed now
DELETE FROM fact WHERE call_group = :id;

-- keys_of_group: the channel keys of one group that is not packed
SELECT channel_key FROM call_key WHERE call_group = :id;

-- delete_keys_of_group: they are packed now
DELETE FROM call_key WHERE call_group = :id;

-- insert_packed_key: by this hash the packed group is found
INSERT INTO packed_key (key_hash, call_group) VALUES (:key_hash, :id) ON CONFLICT (key_hash) DO NOTHING;

-- other_of_hash: another packed group with a key of this hash
SELECT call_group FROM packed_key WHERE key_hash = :key_hash AND call_group <> :id;

-- packed_group_of_key: the packed group of a channel key
SELECT call_group FROM packed_key WHERE key_hash = :key_hash;

-- delete_packed_key: the group is unpacked
DELETE FROM packed_key WHERE key_hash = :key_hash AND call_group = :id;

-- mark_packed: nothing of this group is left to pack
UPDATE call_group SET settled = 2 WHERE id = :id;

-- mark_unpacked: there is again
UPDATE call_group SET settled = 1 WHERE id = :id AND settled = 2;

-- groups_to_pack: groups that are over and not packed, from one on, with the last moment of each
SELECT id, COALESCE(
  (SELECT MAX(ended_at_us) FROM call WHERE call.call_group = call_group.id),
  (SELECT MAX(at_us) FROM fact WHERE fact.call_group = call_group.id), 0)
FROM call_group WHERE settled = 1 AND dirty_since_us IS NULL AND id > :after ORDER BY id LIMIT :limit;

-- count_to_pack: how many groups are over and not packed
SELECT COUNT(*) FROM call_group WHERE settled = 1;

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

-- calls_of_group: what stands there of a call and its group; a group has one call, another one is what it was called
-- before two groups met
SELECT call_id, revision, content_hash FROM call WHERE call_group = :id
UNION SELECT call_id, revision, content_hash FROM call WHERE call_id = :call_id;

-- call_before: what was worked out of a call as it stands
SELECT body, call_no, facets FROM call WHERE call_id = :call_id;

-- set_facets: its short number, for good, and the numbers of its facets
UPDATE call SET call_no = COALESCE(call_no, :no), facets = :facets
WHERE call_id = :call_id AND started_at_us = :started_at_us;

-- facet_number: the number of a facet
SELECT id FROM facet WHERE kind = :kind AND value = :value;

-- facet_named: the facet of a number
SELECT kind, value FROM facet WHERE id = :id;

-- new_facet: a facet that was never seen before
INSERT INTO facet (kind, value) VALUES (:kind, :value) RETURNING id;

-- facets_of_kind: what there is to choose from
SELECT value FROM facet WHERE kind = :kind ORDER BY value LIMIT :limit;

-- put_call_facet: a call is found by this
INSERT INTO call_facet (facet, started_at_us, call_no) VALUES (:facet, :started_at_us, :no)
ON CONFLICT (facet, started_at_us, call_no) DO NOTHING;

-- drop_call_facet: and not any more
DELETE FROM call_facet WHERE facet = :facet AND started_at_us = :started_at_us AND call_no = :no;

-- worked_out: how far facets and tallies are worked out
SELECT version, zone, up_to_us, up_to_id, complete FROM worked_out;

-- move_worked_out: so far now
INSERT INTO worked_out (id, version, zone, up_to_us, up_to_id, complete)
VALUES (1, :version, :zone, :up_to_us, :up_to_id, :complete)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, zone = excluded.zone, up_to_us = excluded.up_to_us,
  up_to_id = excluded.up_to_id, complete = excluded.complete;

-- calls_to_walk: the calls behind a place in time, in order
SELECT started_at_us, call_id, body, call_no, facets, call_group FROM call
WHERE started_at_us >= :at_us AND (started_at_us, call_id) > (:at_us, :call_id)
ORDER BY started_at_us, call_id LIMIT :limit;

-- count_walked: calls up to a place in time, or all when complete; and all
SELECT COALESCE(SUM(CASE WHEN :complete = 1 OR (started_at_us, call_id) <= (:at_us, :call_id) THEN 1 ELSE 0 END), 0),
  COUNT(*)
FROM call;

-- upsert_call: a call's new content under the next revision
INSERT INTO call (
  call_id, revision, content_hash, changed_at_us, call_group, node, root, direction, outcome,
  started_at_us, answered_at_us, ended_at_us, caller, caller_number, called, called_number,
  customer_code, language, talk_us, wait_us, ivr_us, end_estimated, fallback, body,
  customer_by, agent, destination, transfer, left_voicemail, cause, source, ring_us, hold_us,
  name, tracking_numbers, call_no, facets
) VALUES (
  :call_id, 1, :content_hash, :changed_at_us, :call_group, :node, :root, :direction, :outcome,
  :started_at_us, :answered_at_us, :ended_at_us, :caller, :caller_number, :called, :called_number,
  :customer_code, :language, :talk_us, :wait_us, :ivr_us, :end_estimated, :fallback, :body,
  :customer_by, :agent, :destination, :transfer, :left_voicemail, :cause, :source, :ring_us, :hold_us,
  :name, :tracking_numbers, :call_no, :facets
)
ON CONFLICT (call_id) DO UPDATE SET
  revision = call.revision + 1, content_hash = excluded.content_hash, changed_at_us = excluded.changed_at_us,
  call_group = excluded.call_group, direction = excluded.direction, outcome = excluded.outcome,
  started_at_us = excluded.started_at_us, answered_at_us = excluded.answered_at_us,
  ended_at_us = excluded.ended_at_us, caller = excluded.caller, caller_number = excluded.caller_number,
  called = excluded.called, called_number = excluded.called_number, customer_code = excluded.customer_code,
  language = excluded.language, talk_us = excluded.talk_us, wait_us = excluded.wait_us, ivr_us = excluded.ivr_us,
  end_estimated = excluded.end_estimated, fallback = excluded.fallback, body = excluded.body,
  customer_by = excluded.customer_by, agent = excluded.agent, destination = excluded.destination,
  transfer = excluded.transfer, left_voicemail = excluded.left_voicemail, cause = excluded.cause,
  source = excluded.source, ring_us = excluded.ring_us, hold_us = excluded.hold_us,
  name = excluded.name, tracking_numbers = excluded.tracking_numbers,
  call_no = COALESCE(call.call_no, excluded.call_no), facets = COALESCE(excluded.facets, call.facets)
WHERE call.content_hash <> excluded.content_hash;

-- delete_call: this call is another one now
DELETE FROM call WHERE call_id = :call_id;

-- insert_outbox: tell consumers of a revision, or that a call is gone
INSERT INTO outbox (call_id, revision, gone, created_at_us) VALUES (:call_id, :revision, :gone, :created_at_us);

-- join_outbox: a new consumer begins behind the newest row, or before the oldest
INSERT INTO outbox_reader (name, position, moved_at_us)
SELECT CAST(:name AS TEXT), CASE WHEN :from_start = 1 THEN 0 ELSE COALESCE((SELECT MAX(id) FROM outbox), 0) END, :now_us
WHERE NOT EXISTS (SELECT 1 FROM outbox_reader WHERE name = :name);

-- outbox_position: how far a consumer is
SELECT position FROM outbox_reader WHERE name = :name;

-- outbox_after: the rows behind a position, in order
SELECT id, call_id, revision, gone FROM outbox WHERE id > :position ORDER BY id LIMIT :limit;

-- move_outbox_reader: a consumer is done with everything up to there
UPDATE outbox_reader SET position = :position, moved_at_us = :now_us WHERE name = :name AND position <= :position;

-- drop_outbox_reader: this consumer comes no more
DELETE FROM outbox_reader WHERE name = :name;

-- trim_outbox: drop old rows that every consumer has passed who was there lately; never the newest row, from which the
-- numbers go on
DELETE FROM outbox WHERE id IN (
  SELECT id FROM (SELECT id, created_at_us FROM outbox ORDER BY id LIMIT :limit) AS oldest
  WHERE created_at_us < :before_us AND id < (SELECT MAX(id) FROM outbox)
    AND NOT EXISTS (SELECT 1 FROM outbox_reader
      WHERE name <> '-' AND position < oldest.id AND moved_at_us >= :seen_us))
RETURNING id;

-- note_dropped: rows up to there were dropped
INSERT INTO outbox_reader (name, position, moved_at_us) VALUES (:name, :position, :now_us)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, moved_at_us = excluded.moved_at_us;

-- outbox_dropped: up to where rows were dropped
SELECT position FROM outbox_reader WHERE name = '-';

-- count_groups: how many groups of facts there are
SELECT COUNT(*) FROM call_group;

-- groups_from: every group behind one, in order
SELECT id FROM call_group WHERE id > :after ORDER BY id LIMIT :limit;

-- count_calls_since: how many calls began then or later
SELECT COUNT(*) FROM call WHERE started_at_us >= :since_us;

-- groups_of_calls_from: the groups of the calls behind a place in time, in order
SELECT call_group, started_at_us, call_id FROM call
WHERE started_at_us >= :at_us AND (started_at_us, call_id) > (:at_us, :call_id)
ORDER BY started_at_us, call_id LIMIT :limit;

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

-- page_calls: calls between two places in the list, newest first; a place is a start and a call's id;
-- {columns} are those of whole calls or of lines: lines.py
SELECT {columns} FROM call
WHERE started_at_us >= :above_us AND started_at_us <= :below_us
  AND (started_at_us, call_id) > (:above_us, :above_id) AND (started_at_us, call_id) < (:below_us, :below_id)
ORDER BY started_at_us DESC, call_id DESC LIMIT :limit;

-- page_calls_of_number: those of one caller or number called; two indexes, merged as they are read
SELECT {columns} FROM call
WHERE caller_number = :number AND started_at_us >= :above_us AND started_at_us <= :below_us
  AND (started_at_us, call_id) > (:above_us, :above_id) AND (started_at_us, call_id) < (:below_us, :below_id)
UNION ALL
SELECT {columns} FROM call
WHERE called_number = :number AND caller_number <> :number AND started_at_us >= :above_us AND started_at_us <= :below_us
  AND (started_at_us, call_id) > (:above_us, :above_id) AND (started_at_us, call_id) < (:below_us, :below_id)
ORDER BY started_at_us DESC, call_id DESC LIMIT :limit;

-- page_calls_of_customer: those of one customer
SELECT {columns} FROM call
WHERE customer_code = :customer AND customer_code <> '' AND started_at_us >= :above_us AND started_at_us <= :below_us
  AND (started_at_us, call_id) > (:above_us, :above_id) AND (started_at_us, call_id) < (:below_us, :below_id)
ORDER BY started_at_us DESC, call_id DESC LIMIT :limit;

-- newer_calls_of_customer: those of one customer, oldest first
SELECT {columns} FROM call
WHERE customer_code = :customer AND customer_code <> '' AND started_at_us >= :above_us AND started_at_us <= :below_us
  AND (started_at_us, call_id) > (:above_us, :above_id) AND (started_at_us, call_id) < (:below_us, :below_id)
ORDER BY started_at_us, call_id LIMIT :limit;

-- newer_calls: the same calls, oldest first
SELECT {columns} FROM call
WHERE started_at_us >= :above_us AND started_at_us <= :below_us
  AND (started_at_us, call_id) > (:above_us, :above_id) AND (started_at_us, call_id) < (:below_us, :below_id)
ORDER BY started_at_us, call_id LIMIT :limit;

-- newer_calls_of_number: those of one caller or number called, oldest first
SELECT {columns} FROM call
WHERE caller_number = :number AND started_at_us >= :above_us AND started_at_us <= :below_us
  AND (started_at_us, call_id) > (:above_us, :above_id) AND (started_at_us, call_id) < (:below_us, :below_id)
UNION ALL
SELECT {columns} FROM call
WHERE called_number = :number AND caller_number <> :number AND started_at_us >= :above_us AND started_at_us <= :below_us
  AND (started_at_us, call_id) > (:above_us, :above_id) AND (started_at_us, call_id) < (:below_us, :below_id)
ORDER BY started_at_us, call_id LIMIT :limit;

-- customer_by_code: one customer
SELECT code, name, language, tier, agent, pin_hash FROM customer WHERE code = :code;

-- customers_by_phone: every customer with this phone
SELECT DISTINCT c.code, c.name, c.language, c.tier, c.agent, c.pin_hash
FROM customer c JOIN contact p ON p.customer_code = c.code
WHERE p.phone_e164 = :phone ORDER BY c.code;

-- codes_of_phone: the codes of every customer with this phone
SELECT customer_code FROM contact WHERE phone_e164 = :phone;

-- mark_relink: the contacts of this number changed: look through its calls, from the newest
INSERT INTO relink (number, below_us, below_id, turn) VALUES (:number, 9223372036854775807, '', 0)
ON CONFLICT (number) DO UPDATE SET
  below_us = excluded.below_us, below_id = excluded.below_id, turn = relink.turn + 1;

-- mark_relink_of_new: the same for the number of a contact that is not there yet
INSERT INTO relink (number, below_us, below_id, turn)
SELECT CAST(:phone_e164 AS TEXT), 9223372036854775807, '', 0
WHERE NOT EXISTS (SELECT 1 FROM contact WHERE customer_code = :customer_code AND phone_e164 = :phone_e164)
ON CONFLICT (number) DO UPDATE SET
  below_us = excluded.below_us, below_id = excluded.below_id, turn = relink.turn + 1;

-- count_relink: how many numbers wait
SELECT COUNT(*) FROM relink;

-- take_relink: one that waits, and how far it has come
UPDATE relink SET turn = turn + 1 WHERE number = (SELECT number FROM relink ORDER BY number LIMIT 1)
RETURNING number, below_us, below_id;

-- move_relink: so far now
UPDATE relink SET below_us = :below_us, below_id = :below_id WHERE number = :number;

-- drop_relink: all its calls were looked through
DELETE FROM relink WHERE number = :number;

-- relink_call: a past call's customer under the next revision
UPDATE call SET
  revision = revision + 1, content_hash = :content_hash, changed_at_us = :changed_at_us,
  customer_code = :customer_code, customer_by = :customer_by, body = :body,
  facets = COALESCE(CAST(:facets AS TEXT), facets)
WHERE call_id = :call_id AND started_at_us = :started_at_us AND content_hash <> :content_hash
RETURNING revision;

-- upsert_agent: an agent's name, as imported
INSERT INTO agent (extension, name) VALUES (:extension, :name)
ON CONFLICT (extension) DO UPDATE SET name = excluded.name;

-- insert_agent: an agent; one who has a name keeps it
INSERT INTO agent (extension, name) VALUES (:extension, :name)
ON CONFLICT (extension) DO UPDATE SET name = excluded.name WHERE agent.name = '';

-- agents: every agent
SELECT extension, name FROM agent ORDER BY extension;

-- export_customers: every customer, as customers.csv has them
SELECT code, name, language, tier, agent FROM customer ORDER BY code;

-- export_contacts: every contact, as contacts.csv
SELECT customer_code, name, phone_e164 FROM contact ORDER BY customer_code, phone_e164;

-- export_contracts: every contract, as contracts.csv
SELECT customer_code, number, starts_on, ends_on, level FROM contract ORDER BY customer_code, number;

-- export_tickets: every ticket, as tickets.csv
SELECT tracking_number, customer_code, subject, status, created_at_us, updated_at_us, promised_on, note
FROM ticket ORDER BY created_at_us, tracking_number;

-- export_agents: agents who have a name, as agents.csv
SELECT extension, name FROM agent WHERE name <> '' ORDER BY extension;

-- delete_contact: a contact that is no more
DELETE FROM contact WHERE customer_code = :customer_code AND phone_e164 = :phone_e164;

-- contacts: every contact
SELECT customer_code, phone_e164 FROM contact;

-- ticket: one ticket by its tracking number
SELECT tracking_number, customer_code, subject, status, created_at_us, updated_at_us, promised_on, kind, note
FROM ticket WHERE tracking_number = :tracking_number;

-- contract: a customer's best standing contract: valid today, the latest end first; else the last to have ended
SELECT customer_code, number, starts_on, ends_on, level FROM contract
WHERE customer_code = :code AND starts_on <= :today
ORDER BY ends_on DESC, starts_on DESC, number LIMIT 1;

-- upsert_customer: import a customer
INSERT INTO customer (code, name, language, tier, agent, pin_hash)
VALUES (:code, :name, :language, :tier, COALESCE(CAST(:agent AS TEXT), ''), COALESCE(CAST(:pin_hash AS TEXT), ''))
ON CONFLICT (code) DO UPDATE SET name = excluded.name, language = excluded.language, tier = excluded.tier,
  agent = COALESCE(CAST(:agent AS TEXT), customer.agent),
  pin_hash = COALESCE(CAST(:pin_hash AS TEXT), customer.pin_hash);

-- upsert_contact: import a contact
INSERT INTO contact (customer_code, phone_e164, name) VALUES (:customer_code, :phone_e164, :name)
ON CONFLICT (customer_code, phone_e164) DO UPDATE SET name = excluded.name;

-- upsert_contract: import a contract
INSERT INTO contract (customer_code, number, starts_on, ends_on, level)
VALUES (:customer_code, :number, :starts_on, :ends_on, :level)
ON CONFLICT (customer_code, number) DO UPDATE SET
  starts_on = excluded.starts_on, ends_on = excluded.ends_on, level = excluded.level;

-- upsert_ticket: import a ticket
INSERT INTO ticket
  (tracking_number, customer_code, subject, status, created_at_us, updated_at_us, promised_on, promised_by_us, note,
   stopped_at_us, resolved_at_us)
VALUES
  (:tracking_number, :customer_code, :subject, CAST(:status AS TEXT), :created_at_us, CAST(:updated_at_us AS BIGINT),
   :promised_on, :promised_by_us, COALESCE(CAST(:note AS TEXT), ''),
   CASE WHEN CAST(:status AS TEXT) IN ('waiting_customer', 'resolved', 'closed')
     THEN CAST(:updated_at_us AS BIGINT) END,
   CASE WHEN CAST(:status AS TEXT) IN ('resolved', 'closed') THEN CAST(:updated_at_us AS BIGINT) END)
ON CONFLICT (tracking_number) DO UPDATE SET
  customer_code = excluded.customer_code, subject = excluded.subject, status = excluded.status,
  created_at_us = excluded.created_at_us, updated_at_us = excluded.updated_at_us, promised_on = excluded.promised_on,
  promised_by_us = excluded.promised_by_us, note = COALESCE(CAST(:note AS TEXT), ticket.note),
  stopped_at_us = CASE WHEN excluded.stopped_at_us IS NOT NULL
    THEN COALESCE(ticket.stopped_at_us, excluded.stopped_at_us) END,
  resolved_at_us = CASE WHEN excluded.resolved_at_us IS NOT NULL
    THEN COALESCE(ticket.resolved_at_us, excluded.resolved_at_us) END,
  revision = ticket.revision + CASE WHEN ticket.status <> excluded.status OR ticket.subject <> excluded.subject
    OR COALESCE(ticket.promised_on, '') <> COALESCE(excluded.promised_on, '')
    OR ticket.note <> COALESCE(CAST(:note AS TEXT), ticket.note) THEN 1 ELSE 0 END;

-- note_import: an import is about to change a ticket that is there
INSERT INTO ticket_event (tracking_number, at_us, user_name, what, before_text, after_text)
SELECT tracking_number, :at_us, '', 'imported', status, CAST(:status AS TEXT) FROM ticket
WHERE tracking_number = :tracking_number AND (status <> CAST(:status AS TEXT) OR subject <> CAST(:subject AS TEXT)
  OR COALESCE(promised_on, '') <> COALESCE(CAST(:promised_on AS TEXT), '')
  OR note <> COALESCE(CAST(:note AS TEXT), note));

-- same_ticket: the ticket an earlier import gave a number to
SELECT tracking_number FROM ticket
WHERE customer_code = :customer_code AND subject = :subject AND created_at_us = :created_at_us
ORDER BY tracking_number LIMIT 1;

-- customer_codes: every customer's code
SELECT code FROM customer;

-- insert_user: a new user
INSERT INTO user_account (name, role, password_hash, full_name, extension, oidc_subject)
VALUES (:name, :role, :password_hash, :full_name, :extension, :oidc_subject)
ON CONFLICT DO NOTHING RETURNING name;

-- user: one user with the password's hash
SELECT name, role, extension, full_name, disabled, oidc_subject, password_hash FROM user_account WHERE name = :name;

-- user_of_subject: the user whom an identity provider knows by this
SELECT name, role, extension, full_name, disabled, oidc_subject FROM user_account WHERE oidc_subject = :oidc_subject;

-- update_user: what an admin may change of a user
UPDATE user_account SET role = :role, full_name = :full_name, extension = :extension, disabled = :disabled
WHERE name = :name;

-- admins: everybody who can let others in
SELECT name FROM user_account WHERE role = 'admin' AND disabled = 0;

-- set_password: a user's new password
UPDATE user_account SET password_hash = :password_hash WHERE name = :name RETURNING name;

-- users: every user
SELECT name, role, extension, full_name, disabled, oidc_subject FROM user_account ORDER BY name;

-- steps_of_channel: the IVR steps of one caller from a sequence number on
SELECT at_offset, at_us, body FROM fact
WHERE node = :node AND file = :file AND at_offset >= :sequence AND kind = 'step' ORDER BY at_offset;

-- note_recording: the dialplan records; the call it belongs to may become another one
INSERT INTO recording (node, file, channel, call_id, started_at_us, state, path, length_us, bytes, sha256)
VALUES (:node, :file, :channel, :call_id, :started_at_us, 'awaited', '', 0, 0, '')
ON CONFLICT (node, file) DO UPDATE SET call_id = excluded.call_id WHERE recording.call_id <> excluded.call_id;

-- set_recording: what became of a recording's file
UPDATE recording SET state = :state, path = :path, length_us = :length_us, bytes = :bytes, sha256 = :sha256
WHERE node = :node AND file = :file;

-- recording: one recording by its file
SELECT node, file, channel, call_id, started_at_us, state, path, length_us, bytes, sha256 FROM recording
WHERE node = :node AND file = :file;

-- recordings_of_call: every recording of one call, in order
SELECT node, file, channel, call_id, started_at_us, state, path, length_us, bytes, sha256 FROM recording
WHERE call_id = :call_id ORDER BY started_at_us, node, file;

-- recordings_between: those of the calls from one place in the list to another, in order; few calls, so from these
SELECT recording.node, file, channel, recording.call_id, recording.started_at_us, state, path, length_us, bytes, sha256
FROM call CROSS JOIN recording
WHERE call.started_at_us >= :first_us AND call.started_at_us <= :last_us
  AND (call.started_at_us, call.call_id) >= (:first_us, :first_id)
  AND (call.started_at_us, call.call_id) <= (:last_us, :last_id)
  AND recording.call_id = call.call_id
ORDER BY recording.started_at_us, recording.node, file;

-- recordings_due: those of calls that are over, whose files are to be taken over
SELECT recording.node, file, channel, recording.call_id, recording.started_at_us, state, path, length_us, bytes, sha256,
  call.ended_at_us
FROM recording JOIN call ON call.call_id = recording.call_id
WHERE recording.node = :node AND state = 'awaited' AND call.ended_at_us IS NOT NULL
ORDER BY recording.started_at_us, file LIMIT :limit;

-- page_recordings: recordings from a moment on, oldest first, from a place in the list on, with their calls' outcomes
SELECT recording.node, file, channel, recording.call_id, recording.started_at_us, state, path, length_us, bytes, sha256,
  call.outcome
FROM recording LEFT JOIN call ON call.call_id = recording.call_id
WHERE recording.started_at_us >= :start_us AND recording.started_at_us < :end_us
  AND (recording.started_at_us > :after_us
    OR (recording.started_at_us = :after_us AND (recording.node > :after_node
      OR (recording.node = :after_node AND file > :after_file))))
ORDER BY recording.started_at_us, recording.node, file LIMIT :limit;

-- source_heard: up to when each source of a node was read or heard, and the spool file that was being read then
SELECT source, heard_at_us, file FROM source_heard WHERE node = :node;

-- upsert_heard: a source has been read or heard up to now
INSERT INTO source_heard (node, source, heard_at_us, file) VALUES (:node, :source, :heard_at_us, :file)
ON CONFLICT (node, source) DO UPDATE SET heard_at_us = excluded.heard_at_us, file = excluded.file;

-- upsert_gap: a window in which a source was not read or not heard, or what became of it; a loss stays one
INSERT INTO source_gap (node, source, from_us, until_us, reason, lost, read_at_us)
VALUES (:node, :source, :from_us, :until_us, :reason, :lost, :read_at_us)
ON CONFLICT (node, source, from_us) DO UPDATE SET
  until_us = excluded.until_us, reason = excluded.reason, read_at_us = excluded.read_at_us,
  lost = CASE WHEN source_gap.lost = 1 THEN 1 ELSE excluded.lost END;

-- fill_gaps: a spool has been read to its end, and with it all that waited in its gaps
UPDATE source_gap SET read_at_us = :read_at_us
WHERE node = :node AND source = :source AND read_at_us IS NULL AND lost = 0 AND until_us IS NOT NULL;

-- list_gaps: windows that reached beyond a moment, the latest first
SELECT node, source, from_us, until_us, reason, lost, read_at_us FROM source_gap
WHERE until_us IS NULL OR until_us >= :since_us ORDER BY from_us DESC, node, source LIMIT :limit;

-- list_unread_gaps: of these, those that go on, were not read since, or cannot be
SELECT node, source, from_us, until_us, reason, lost, read_at_us FROM source_gap
WHERE (until_us IS NULL OR until_us >= :since_us)
  AND (until_us IS NULL OR lost = 1 OR (source IN ('cel', 'queue') AND read_at_us IS NULL))
ORDER BY from_us DESC, node, source LIMIT :limit;

-- list_set_aside: records that could not be read and when they were found, the latest first
SELECT node, file, at_offset, body, reason, found_at_us FROM unreadable
ORDER BY found_at_us DESC, node, file, at_offset DESC LIMIT :limit;

-- count_unreadable: how many records could not be read
SELECT COUNT(*) FROM unreadable;

-- cursor_moves: how far a node's files have been read, and when that last changed
SELECT source, file, at_offset, moved_at_us FROM source_cursor WHERE node = :node;

-- bodies_of_group: the calls of one group; but for a moment there is one
SELECT call_id, body FROM call WHERE call_group = :id;

-- is_dirty_group: a row if facts of this group wait to be folded
SELECT id FROM call_group WHERE id = :id AND dirty_since_us IS NOT NULL AND trouble = '';

-- open_calls: calls of a node in progress that began before a moment, with each channel key
SELECT call_group.id, call.root, call_key.channel_key
FROM call_group
JOIN call ON call.call_group = call_group.id
JOIN call_key ON call_key.call_group = call_group.id
WHERE call_group.node = :node AND call_group.settled = 0 AND call.ended_at_us IS NULL
  AND call.started_at_us < :before_us;

-- count_tallied_calls: ended calls, by their counts: as fast with ten million
SELECT COALESCE(SUM(n), 0) FROM tally WHERE name = 'hour';

-- oldest_call: when the first began
SELECT MIN(started_at_us) FROM call;

-- calls_in_progress: whole calls that go on; CROSS: SQLite begins with the groups, not with every call by its time
SELECT call.body, call.revision
FROM call_group
CROSS JOIN call
WHERE call_group.settled = 0 AND call.call_group = call_group.id AND call.ended_at_us IS NULL AND call.outcome IS NULL
ORDER BY call.started_at_us DESC LIMIT :limit;

-- ticket_of_origin: what an origin opened
SELECT tracking_number, created_at_us, promised_on FROM ticket WHERE origin = :origin;

-- set_message: the recording that an origin's ticket comes with
UPDATE ticket SET message = :message WHERE origin = :origin AND message <> :message;

-- insert_request: a ticket that a caller opened
INSERT INTO ticket
  (tracking_number, customer_code, subject, status, created_at_us, updated_at_us, promised_on, kind, message, origin,
   opened_by, respond_by_us, resolve_by_us, responded_at_us)
VALUES (:tracking_number, :customer_code, :subject, 'new', :at_us, :at_us, :promised_on, :kind, :message, :origin,
   :opened_by, :respond_by_us, :resolve_by_us, :responded_at_us);

-- insert_complaint: what a ticket that is a complaint has beside it, once
INSERT INTO complaint (tracking_number, reason, received_at_us, acknowledge_by_us, answer_by_us)
VALUES (:tracking_number, :reason, :received_at_us, :acknowledge_by_us, :answer_by_us)
ON CONFLICT (tracking_number) DO NOTHING;

-- callback_of: the callback that was asked for, or moved, by what has this id
SELECT id, number, wanted_at_us FROM callback WHERE id = :id OR moved_by = :id;

-- move_callback: an open callback to a number for a queue, to the time that is wanted now; its tries begin anew
UPDATE callback SET wanted_at_us = :wanted_at_us, moved_by = :id, tries = 0
WHERE number = :number AND queue = :queue AND kind = 'asked' AND done_at_us IS NULL RETURNING id, number, wanted_at_us;

-- insert_callback: a callback
INSERT INTO callback (id, node, channel, number, customer_code, queue, asked_at_us, wanted_at_us)
VALUES (:id, :node, :channel, :number, :customer_code, :queue, :asked_at_us, :wanted_at_us)
RETURNING id, number, wanted_at_us;

-- callbacks_beginning: the callbacks whose id begins so
SELECT id, number, customer_code, queue, asked_at_us, wanted_at_us, done_at_us, done_by, result, kind, owner, why, tries
FROM callback WHERE substr(id, 1, length(CAST(:start AS TEXT))) = CAST(:start AS TEXT) ORDER BY id LIMIT 2;

-- finish_callback: a person called back, or decided not to
UPDATE callback SET done_at_us = :at_us, done_by = :by, result = :result, taken_by = '', taken_at_us = NULL,
  taken_until_us = NULL
WHERE id = :id AND done_at_us IS NULL;

-- list_open_callbacks: what is to be called back, the longest wanted first
SELECT id, number, customer_code, queue, asked_at_us, wanted_at_us, done_at_us, done_by, result, kind, owner, why, tries
FROM callback WHERE done_at_us IS NULL ORDER BY wanted_at_us, id;

-- list_callbacks: all of them, those done last at the end
SELECT id, number, customer_code, queue, asked_at_us, wanted_at_us, done_at_us, done_by, result, kind, owner, why, tries
FROM callback ORDER BY CASE WHEN done_at_us IS NULL THEN 0 ELSE 1 END, COALESCE(done_at_us, wanted_at_us), id;

-- list_tickets: every ticket, the newest first
SELECT tracking_number, customer_code, kind, status, created_at_us, updated_at_us, subject, message
FROM ticket ORDER BY created_at_us DESC, tracking_number;

-- list_open_tickets: those that are neither resolved nor closed
SELECT tracking_number, customer_code, kind, status, created_at_us, updated_at_us, subject, message
FROM ticket WHERE status NOT IN ('resolved', 'closed') ORDER BY created_at_us DESC, tracking_number;

-- complaints: those of a tracking number, or all where it is empty, the nearest deadline first
SELECT c.tracking_number, t.customer_code, t.subject, c.reason, t.message, c.received_at_us, c.acknowledge_by_us,
  c.answer_by_us, c.acknowledged_at_us, c.answered_at_us, c.closed_at_us, c.done, c.level, c.satisfaction
FROM complaint c JOIN ticket t ON t.tracking_number = c.tracking_number
WHERE c.tracking_number = CAST(:tracking_number AS TEXT) OR CAST(:tracking_number AS TEXT) = ''
ORDER BY c.answer_by_us, c.tracking_number;

-- handle_complaint: how far its handling is
UPDATE complaint SET acknowledged_at_us = :acknowledged_at_us, answered_at_us = :answered_at_us,
  closed_at_us = :closed_at_us, answer_by_us = :answer_by_us, done = :done, reason = :reason, level = :level,
  satisfaction = :satisfaction
WHERE tracking_number = :tracking_number;

-- write_ticket: a ticket after a step of a person
UPDATE ticket SET status = :status, updated_at_us = :updated_at_us, promised_on = :promised_on,
  promised_by_us = :promised_by_us, note = :note,
  assigned_to = :assigned_to, reopened = :reopened, respond_by_us = :respond_by_us, resolve_by_us = :resolve_by_us,
  responded_at_us = :responded_at_us, stopped_at_us = :stopped_at_us, resolved_at_us = :resolved_at_us,
  revision = :revision
WHERE tracking_number = :tracking_number;

-- insert_event: a line of a ticket's history
INSERT INTO ticket_event (tracking_number, at_us, user_name, what, before_text, after_text, body)
VALUES (:tracking_number, :at_us, :user_name, :what, :before_text, :after_text, :body);

-- events_of_ticket: a ticket's history, the latest line first
SELECT at_us, user_name, what, before_text, after_text, body FROM ticket_event
WHERE tracking_number = :tracking_number ORDER BY id DESC LIMIT :limit;

-- promises_counted: of tickets opened between two moments, by kind, how many promises were kept and broken
SELECT kind, COUNT(*),
  COUNT(CASE WHEN responded_at_us <= respond_by_us THEN 1 END),
  COUNT(CASE WHEN COALESCE(responded_at_us, :now_us) > respond_by_us THEN 1 END),
  COUNT(CASE WHEN responded_at_us IS NULL AND respond_by_us >= :now_us THEN 1 END),
  COUNT(CASE WHEN resolved_at_us IS NOT NULL AND stopped_at_us <= resolve_by_us THEN 1 END),
  COUNT(CASE WHEN COALESCE(stopped_at_us, :now_us) > resolve_by_us THEN 1 END),
  COUNT(CASE WHEN resolved_at_us IS NULL AND COALESCE(stopped_at_us, :now_us) <= resolve_by_us THEN 1 END),
  COUNT(CASE WHEN kind <> 'complaint' AND resolved_at_us IS NOT NULL AND stopped_at_us <= promised_by_us THEN 1 END),
  COUNT(CASE WHEN kind <> 'complaint' AND COALESCE(stopped_at_us, :now_us) > promised_by_us THEN 1 END),
  COUNT(CASE WHEN kind <> 'complaint' AND resolved_at_us IS NULL
    AND COALESCE(stopped_at_us, :now_us) <= promised_by_us THEN 1 END),
  COUNT(responded_at_us), COALESCE(SUM(responded_at_us - created_at_us), 0),
  COUNT(resolved_at_us), COALESCE(SUM(resolved_at_us - created_at_us), 0)
FROM ticket WHERE created_at_us >= :start_us AND created_at_us < :end_us
  AND (customer_code = CAST(:code AS TEXT) OR CAST(:code AS TEXT) = '')
GROUP BY kind ORDER BY kind;

-- requests_waiting: how many callers are to be called back, the first of them when, and how many complaints are late
SELECT
  (SELECT COUNT(*) FROM callback WHERE done_at_us IS NULL AND kind = 'asked'),
  (SELECT MIN(wanted_at_us) FROM callback WHERE done_at_us IS NULL AND kind = 'asked'),
  (SELECT COUNT(*) FROM complaint
   WHERE answered_at_us IS NULL
     AND (answer_by_us < :now_us OR (acknowledged_at_us IS NULL AND acknowledge_by_us < :now_us)));

-- phones_of_customer: the numbers of a customer's contacts
SELECT phone_e164 FROM contact WHERE customer_code = :code ORDER BY phone_e164;

-- newest_open_ticket: of a customer's tickets that are neither resolved nor closed, the one made last
SELECT tracking_number, customer_code, subject, status, created_at_us, updated_at_us, promised_on, kind, note
FROM ticket WHERE customer_code = :code AND status NOT IN ('resolved', 'closed')
ORDER BY created_at_us DESC, tracking_number DESC LIMIT 1;

-- wrong_tries: how many wrong tries of a caller came after a moment, and after an earlier one
SELECT COUNT(CASE WHEN at_us > :hour_us THEN 1 END), COUNT(*) FROM wrong_try
WHERE caller = :caller AND at_us > :day_us;

-- insert_wrong_try: a number or PIN that was not right
INSERT INTO wrong_try (caller, what, at_us) VALUES (:caller, :what, :at_us)
ON CONFLICT (caller, at_us, what) DO NOTHING;

-- drop_wrong_tries: those that no longer count
DELETE FROM wrong_try WHERE at_us <= :before_us;

-- waits_between: the newest calls that waited for somebody, begun between two moments
SELECT body FROM call
WHERE started_at_us >= :since_us AND started_at_us <= :until_us AND wait_us > 0
ORDER BY started_at_us DESC, call_id DESC LIMIT :limit;

-- calls_of_caller_between: how the newest calls of a number ended, begun between two moments; those it received are not
-- among them
SELECT outcome, body FROM call
WHERE caller_number = :number AND started_at_us >= :since_us AND started_at_us <= :until_us
  AND outcome IS NOT NULL AND direction <> 'outbound'
ORDER BY started_at_us DESC, call_id DESC LIMIT :limit;

-- notes_to_say: the notes that callers may still be told, each once, the last changed first
SELECT note, MAX(updated_at_us) AS changed_at_us FROM ticket
WHERE note <> '' AND (status <> 'closed' OR updated_at_us >= :since_us)
GROUP BY note ORDER BY changed_at_us DESC, note;

-- names_to_say: the names of customers, each once
SELECT DISTINCT name FROM customer ORDER BY name;

-- put_message: a recorded message was put away, or its time is up; its name tells what it is of, so that stays
INSERT INTO message (name, node, channel, flow_node, caller, made_at_us, length_us, bytes, sha256, path)
VALUES (:name, :node, :channel, :flow_node, :caller, :made_at_us, :length_us, :bytes, :sha256, :path)
ON CONFLICT (name) DO UPDATE SET
  made_at_us = excluded.made_at_us, length_us = excluded.length_us, bytes = excluded.bytes,
  sha256 = excluded.sha256, path = excluded.path;

-- message: one recorded message by its name
SELECT name, node, channel, flow_node, caller, made_at_us, length_us, bytes, sha256, path FROM message
WHERE name = :name;

-- page_messages: messages made in a window, oldest first, after a place in that order
SELECT name, node, channel, flow_node, caller, made_at_us, length_us, bytes, sha256, path FROM message
WHERE made_at_us >= :start_us AND made_at_us < :end_us
  AND (made_at_us > :after_us OR (made_at_us = :after_us AND name > :after_name))
ORDER BY made_at_us, name LIMIT :limit;

-- insert_audit: somebody did something
INSERT INTO audit (at_us, user_name, what, about, detail, address)
VALUES (:at_us, :user_name, :what, :about, :detail, :address);

-- page_audit: the log, newest first, before a place in that order
SELECT id, at_us, user_name, what, about, detail, address FROM audit
WHERE (:user_name = '' OR user_name = :user_name) AND (:what = '' OR what = :what) AND (:about = '' OR about = :about)
  AND at_us >= :start_us AND at_us <= :until_us AND (at_us < :before_us OR id < :before_id)
ORDER BY at_us DESC, id DESC LIMIT :limit;

-- page_audit_user: the same of one person
SELECT id, at_us, user_name, what, about, detail, address FROM audit
WHERE user_name = :user_name AND (:what = '' OR what = :what) AND (:about = '' OR about = :about)
  AND at_us >= :start_us AND at_us <= :until_us AND (at_us < :before_us OR id < :before_id)
ORDER BY at_us DESC, id DESC LIMIT :limit;

-- page_audit_what: the same of one kind
SELECT id, at_us, user_name, what, about, detail, address FROM audit
WHERE what = :what AND (:user_name = '' OR user_name = :user_name) AND (:about = '' OR about = :about)
  AND at_us >= :start_us AND at_us <= :until_us AND (at_us < :before_us OR id < :before_id)
ORDER BY at_us DESC, id DESC LIMIT :limit;

-- page_audit_about: the same about one thing
SELECT id, at_us, user_name, what, about, detail, address FROM audit
WHERE about = :about AND (:user_name = '' OR user_name = :user_name) AND (:what = '' OR what = :what)
  AND at_us >= :start_us AND at_us <= :until_us AND (at_us < :before_us OR id < :before_id)
ORDER BY at_us DESC, id DESC LIMIT :limit;

-- page_audit_user_what: the same of one kind by one person
SELECT id, at_us, user_name, what, about, detail, address FROM audit
WHERE user_name = :user_name AND what = :what AND (:about = '' OR about = :about)
  AND at_us >= :start_us AND at_us <= :until_us AND (at_us < :before_us OR id < :before_id)
ORDER BY at_us DESC, id DESC LIMIT :limit;

-- audit_before: whether there is anything so old
SELECT id FROM audit WHERE at_us < :before_us LIMIT 1;

-- trim_audit: the oldest lines go, some at a time
DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at_us < :before_us ORDER BY at_us, id LIMIT :limit);

-- notes_of_call: what people noted at a call, the oldest first
SELECT id, at_us, user_name, body FROM call_note WHERE call_id = :call_id ORDER BY at_us, id;

-- same_note: somebody's very words of a moment ago
SELECT id FROM call_note
WHERE call_id = :call_id AND user_name = :user_name AND body = :body AND at_us >= :since_us;

-- insert_note: somebody notes something at a call
INSERT INTO call_note (id, call_id, at_us, user_name, body) VALUES (:id, :call_id, :at_us, :user_name, :body);

-- remove_note: whoever wrote it a moment ago takes it back
DELETE FROM call_note
WHERE id = :id AND call_id = :call_id AND user_name = :user_name AND at_us > :since_us
RETURNING id, at_us, user_name, body;

-- links_of_call: the tickets that people linked to a call
SELECT tracking_number, at_us, user_name FROM call_ticket WHERE call_id = :call_id ORDER BY at_us, tracking_number;

-- link_ticket: a call is about this ticket
INSERT INTO call_ticket (call_id, tracking_number, at_us, user_name)
VALUES (:call_id, :tracking_number, :at_us, :user_name)
ON CONFLICT (call_id, tracking_number) DO NOTHING;

-- unlink_ticket: whoever linked it a moment ago takes that back
DELETE FROM call_ticket
WHERE call_id = :call_id AND tracking_number = :tracking_number AND user_name = :user_name AND at_us > :since_us;

-- case: a ticket, and what of its complaint is to be done next
SELECT t.tracking_number, t.customer_code, t.subject, t.status, t.kind, t.updated_at_us, t.promised_on,
  CASE WHEN c.answered_at_us IS NOT NULL THEN NULL WHEN c.acknowledged_at_us IS NULL THEN c.acknowledge_by_us
    ELSE c.answer_by_us END
FROM ticket t LEFT JOIN complaint c ON c.tracking_number = t.tracking_number
WHERE t.tracking_number = :tracking_number;

-- unfinished_of_customer: the same of a customer's that are neither resolved nor closed, the newest first
SELECT t.tracking_number, t.customer_code, t.subject, t.status, t.kind, t.updated_at_us, t.promised_on,
  CASE WHEN c.answered_at_us IS NOT NULL THEN NULL WHEN c.acknowledged_at_us IS NULL THEN c.acknowledge_by_us
    ELSE c.answer_by_us END
FROM ticket t LEFT JOIN complaint c ON c.tracking_number = t.tracking_number
WHERE t.customer_code = :code AND t.status NOT IN ('resolved', 'closed')
ORDER BY t.created_at_us DESC, t.tracking_number LIMIT :limit;

-- moments_of_call: what went wrong at a call
SELECT kind, at_us, detail, state, owner, note FROM moment WHERE call_id = :call_id ORDER BY at_us, kind;

-- group_of_call: the facts of a call are those of this group
SELECT call_group FROM call WHERE call_id = :call_id;

-- move_notes: a call is another one now, and its notes go with it
UPDATE call_note SET call_id = :winner WHERE call_id = :call_id;

-- move_links: so do the tickets that people linked to it
INSERT INTO call_ticket (call_id, tracking_number, at_us, user_name)
SELECT CAST(:winner AS TEXT), tracking_number, at_us, user_name FROM call_ticket WHERE call_id = :call_id
ON CONFLICT (call_id, tracking_number) DO NOTHING;

-- drop_links: those stand at the other call now
DELETE FROM call_ticket WHERE call_id = :call_id;

-- add_tally: so many more, or fewer
INSERT INTO tally (name, day, part, n, total) VALUES (:name, :day, :part, :n, :total)
ON CONFLICT (name, day, part) DO UPDATE SET n = tally.n + excluded.n, total = tally.total + excluded.total;

-- drop_empty_tally: nothing is left of a count
DELETE FROM tally WHERE name = :name AND day = :day AND part = :part AND n = 0 AND total = 0;

-- drop_some_tallies: every call is counted anew
DELETE FROM tally WHERE (name, day, part) IN (SELECT name, day, part FROM tally LIMIT :limit);

-- contacts_before: the ended inbound calls of a number before one of them, nearest first; a customer has their own
SELECT started_at_us, call_id FROM call
WHERE caller_number = :number AND customer_code = '' AND started_at_us >= :limit_us AND started_at_us <= :at_us
  AND (started_at_us < :at_us OR call_id < :call_id) AND call_id <> :call_id
  AND direction = 'inbound' AND ended_at_us IS NOT NULL AND outcome IS NOT NULL
ORDER BY started_at_us DESC, call_id DESC LIMIT :limit;

-- customer_contacts_before: those of a customer
SELECT started_at_us, call_id FROM call
WHERE customer_code = :code AND customer_code <> '' AND started_at_us >= :limit_us AND started_at_us <= :at_us
  AND (started_at_us < :at_us OR call_id < :call_id) AND call_id <> :call_id
  AND direction = 'inbound' AND ended_at_us IS NOT NULL AND outcome IS NOT NULL
ORDER BY started_at_us DESC, call_id DESC LIMIT :limit;

-- contacts_after: those of a number after it, nearest first
SELECT started_at_us, call_id FROM call
WHERE caller_number = :number AND customer_code = '' AND started_at_us <= :limit_us AND started_at_us >= :at_us
  AND (started_at_us > :at_us OR call_id > :call_id) AND call_id <> :call_id
  AND direction = 'inbound' AND ended_at_us IS NOT NULL AND outcome IS NOT NULL
ORDER BY started_at_us, call_id LIMIT :limit;

-- customer_contacts_after: those of a customer
SELECT started_at_us, call_id FROM call
WHERE customer_code = :code AND customer_code <> '' AND started_at_us <= :limit_us AND started_at_us >= :at_us
  AND (started_at_us > :at_us OR call_id > :call_id) AND call_id <> :call_id
  AND direction = 'inbound' AND ended_at_us IS NOT NULL AND outcome IS NOT NULL
ORDER BY started_at_us, call_id LIMIT :limit;

-- moments_standing: those that a call has
SELECT kind, at_us, state, detail, agent FROM moment WHERE call_id = :call_id;

-- moment_standing: one of them
SELECT at_us, state, detail, agent FROM moment WHERE call_id = :call_id AND kind = :kind;

-- insert_moment: something went wrong in a call
INSERT INTO moment (call_id, kind, at_us, detail, agent) VALUES (:call_id, :kind, :at_us, :detail, :agent);

-- update_moment: as its call is now
UPDATE moment SET at_us = :at_us, detail = :detail, agent = :agent WHERE call_id = :call_id AND kind = :kind;

-- count_moments: so many more, or fewer
INSERT INTO moment_day (kind, state, day, n) VALUES (:kind, :state, :day, :n)
ON CONFLICT (kind, state, day) DO UPDATE SET n = moment_day.n + excluded.n;

-- agent_of_call: who spoke last
SELECT agent FROM call WHERE call_id = :call_id AND started_at_us = :at_us;

-- drop_moment: it did not, after all; one that somebody worked on stays
DELETE FROM moment WHERE call_id = :call_id AND kind = :kind AND changed_at_us IS NULL RETURNING at_us, state;

-- tally_parts: what was counted in a range of days, by part: whole blocks of days, and the days before and behind them
SELECT part, SUM(n), SUM(total) FROM (
  SELECT part, n, total FROM tally WHERE name = :name AND day >= :first AND day < :blocks_from
  UNION ALL
  SELECT part, n, total FROM tally WHERE name = :blocks AND day >= :first_block AND day < :end_block
  UNION ALL
  SELECT part, n, total FROM tally WHERE name = :name AND day >= :blocks_to AND day <= :last
) AS counted GROUP BY part;

-- tally_days: the same by day, of parts in a range
SELECT day, part, n, total FROM tally
WHERE name = :name AND day >= :first AND day <= :last AND part >= :low AND part < :high;

-- tally_weekdays: the same by day of the week, 0 being Monday
SELECT (day + 3) % 7 AS weekday, part, SUM(n), SUM(total) FROM tally
WHERE name = :name AND day >= :first AND day <= :last AND part >= :low AND part < :high GROUP BY weekday, part;

-- first_tally_day: since when calls are counted
SELECT MIN(day) FROM tally WHERE name = 'outcome';

-- complaints_by_reason: those received between two moments: how many, answered, late, and how long answers took
SELECT reason, COUNT(*), COUNT(answered_at_us),
  COUNT(CASE WHEN COALESCE(answered_at_us, :now_us) > answer_by_us THEN 1 END),
  COALESCE(SUM(answered_at_us - received_at_us), 0)
FROM complaint WHERE received_at_us >= :start_us AND received_at_us < :end_us GROUP BY reason;

-- open_complaints: those not answered yet, by reason, with when they came
SELECT reason, received_at_us, answer_by_us FROM complaint WHERE answered_at_us IS NULL ORDER BY received_at_us;

-- moments_by_kind: those of calls begun between two moments, by kind and state: whole days, and what is before and
-- behind them
SELECT kind, state, SUM(n) FROM (
  SELECT kind, state, n FROM moment_day WHERE day >= :first_day AND day < :end_day
  UNION ALL
  SELECT kind, state, 1 FROM moment WHERE kind IN ('long_wait', 'cut', 'fallback', 'trouble', 'unhappy', 'voicemail', 'third') AND state IN ('open', 'done')
    AND at_us >= :start_us AND at_us < :first_us
  UNION ALL
  SELECT kind, state, 1 FROM moment WHERE kind IN ('long_wait', 'cut', 'fallback', 'trouble', 'unhappy', 'voicemail', 'third') AND state IN ('open', 'done')
    AND at_us >= :last_us AND at_us < :end_us
) AS counted GROUP BY kind, state;

-- moments_worked_on: those of a call that somebody worked on
SELECT kind, at_us, state FROM moment WHERE call_id = :call_id AND changed_at_us IS NOT NULL;

-- move_moment: it goes over to the call that its own became
UPDATE moment SET call_id = :winner, at_us = :at_us, agent = :agent WHERE call_id = :call_id AND kind = :kind;

-- change_moment: somebody works on it
UPDATE moment SET state = :state, owner = :owner, note = :note, changed_at_us = :changed_at_us, changed_by = :changed_by
WHERE call_id = :call_id AND kind = :kind;


-- views_of: the views of one person, and those that others share
SELECT id, user_name, name, address, shared FROM saved_view WHERE user_name = :user_name OR shared = 1
ORDER BY name, user_name;

-- save_view: a view under a name, unless they have as many as anybody may
INSERT INTO saved_view (id, user_name, name, address, shared)
SELECT CAST(:id AS TEXT), CAST(:user_name AS TEXT), CAST(:name AS TEXT), CAST(:address AS TEXT), CAST(:shared AS BIGINT)
WHERE (SELECT COUNT(*) FROM saved_view WHERE user_name = :user_name AND name <> :name) < CAST(:most AS BIGINT)
ON CONFLICT (user_name, name) DO UPDATE SET address = excluded.address, shared = excluded.shared
RETURNING id;

-- drop_view: this view is no more
DELETE FROM saved_view WHERE id = :id AND (user_name = :user_name OR (shared = 1 AND :any_owner = 1)) RETURNING id;

-- insert_session: somebody signed in
INSERT INTO web_session (id_hash, user_name, began_at_us, seen_at_us, address, agent)
VALUES (:id_hash, :user_name, :began_at_us, :seen_at_us, :address, :agent);

-- session: one session
SELECT id_hash, user_name, began_at_us, seen_at_us, address, agent FROM web_session WHERE id_hash = :id_hash;

-- sessions_of_user: somebody's sessions, the last used first
SELECT id_hash, user_name, began_at_us, seen_at_us, address, agent FROM web_session
WHERE user_name = :user_name ORDER BY seen_at_us DESC, id_hash;

-- touch_session: it is in use
UPDATE web_session SET seen_at_us = :seen_at_us WHERE id_hash = :id_hash AND seen_at_us < :seen_at_us;

-- delete_session: one of somebody's own
DELETE FROM web_session WHERE id_hash = :id_hash AND user_name = :user_name;

-- delete_sessions: all of somebody's but one
DELETE FROM web_session WHERE user_name = :user_name AND id_hash <> :id_hash;

-- delete_old_sessions: what can be used no more
DELETE FROM web_session WHERE began_at_us < :began_before_us OR seen_at_us < :seen_before_us;

-- insert_token: a program may read
INSERT INTO api_token (id, token_hash, name, role, made_by, made_at_us, ends_at_us)
VALUES (:id, :token_hash, :name, :role, :made_by, :made_at_us, :ends_at_us);

-- token: one token by its hash
SELECT id, name, role, made_by, made_at_us, ends_at_us, used_at_us, revoked_at_us FROM api_token
WHERE token_hash = :token_hash;

-- tokens: every token, the newest first
SELECT id, name, role, made_by, made_at_us, ends_at_us, used_at_us, revoked_at_us FROM api_token
ORDER BY made_at_us DESC, id;

-- tokens_named: those in use under a name
SELECT id FROM api_token WHERE name = :name AND revoked_at_us IS NULL;

-- use_token: it was used
UPDATE api_token SET used_at_us = :used_at_us WHERE id = :id;

-- revoke_token: it holds no more
UPDATE api_token SET revoked_at_us = :revoked_at_us WHERE id = :id AND revoked_at_us IS NULL RETURNING name;

-- calls_linked_to: the calls that people linked to a ticket, the latest linked first
SELECT call_id FROM call_ticket WHERE tracking_number = :tracking_number ORDER BY at_us DESC LIMIT :limit;

-- begin_wrap_up: an agent has a call in hand; they may have had it before
INSERT INTO wrap_up (call_id, user_name, extension, node, channel, number, name, began_at_us, note_id)
VALUES (:call_id, :user_name, :extension, :node, :channel, :number, :name, :began_at_us, :note_id)
ON CONFLICT (call_id, user_name) DO UPDATE SET
  ended_at_us = NULL, state = CASE WHEN wrap_up.state = 'later' THEN 'open' ELSE wrap_up.state END;

-- wrap_up: what an agent told of a call, with their note
SELECT w.call_id, w.user_name, w.extension, w.node, w.channel, w.number, w.name, w.customer_code, w.began_at_us,
  w.ended_at_us, w.state, w.reason, w.next_step, w.note_id, w.note_turn, w.done_at_us, COALESCE(n.body, '')
FROM wrap_up w LEFT JOIN call_note n ON n.id = w.note_id
WHERE w.call_id = :call_id AND w.user_name = :user_name;

-- wrap_ups_of_call: what every agent told of a call, the first to have it first
SELECT w.call_id, w.user_name, w.extension, w.node, w.channel, w.number, w.name, w.customer_code, w.began_at_us,
  w.ended_at_us, w.state, w.reason, w.next_step, w.note_id, w.note_turn, w.done_at_us, ''
FROM wrap_up w WHERE w.call_id = :call_id ORDER BY w.began_at_us, w.user_name;

-- wrap_ups_to_do: the calls of which an agent has not told yet, the oldest first
SELECT w.call_id, w.user_name, w.extension, w.node, w.channel, w.number, w.name, w.customer_code, w.began_at_us,
  w.ended_at_us, w.state, w.reason, w.next_step, w.note_id, w.note_turn, w.done_at_us, COALESCE(n.body, '')
FROM wrap_up w LEFT JOIN call_note n ON n.id = w.note_id
WHERE w.user_name = :user_name AND w.state <> 'done' ORDER BY w.began_at_us DESC LIMIT :limit;

-- talked_without_wrap_up: of the newest calls in which a phone talked, ended lately, those of which nobody at it told
SELECT newest.body FROM (
  SELECT c.call_id, c.body, c.started_at_us FROM call_facet f
  JOIN call c ON c.call_no = f.call_no AND c.started_at_us = f.started_at_us
  WHERE f.facet = :facet AND f.started_at_us >= :began_us AND c.ended_at_us >= :ended_us
  ORDER BY f.started_at_us DESC LIMIT :limit
) AS newest
WHERE NOT EXISTS (SELECT 1 FROM wrap_up w
  WHERE w.call_id = newest.call_id AND (w.user_name = :user_name OR w.extension = :extension))
ORDER BY newest.started_at_us DESC;

-- reasons_told: what the talks begun between two moments were about, by reason and by the phone that had them
SELECT reason, extension, COUNT(*) FROM wrap_up
WHERE state = 'done' AND began_at_us >= :start_us AND began_at_us < :end_us GROUP BY reason, extension;

-- change_wrap_up: how far an agent is with a call
UPDATE wrap_up SET customer_code = :customer_code, ended_at_us = :ended_at_us, state = :state, reason = :reason,
  next_step = :next_step, note_turn = :note_turn, done_at_us = :done_at_us
WHERE call_id = :call_id AND user_name = :user_name;

-- write_note: the note of a call in hand, as it stands now
INSERT INTO call_note (id, call_id, at_us, user_name, body) VALUES (:id, :call_id, :at_us, :user_name, :body)
ON CONFLICT (id) DO UPDATE SET body = excluded.body;

-- drop_note: nothing is left of it
DELETE FROM call_note WHERE id = :id;

-- move_wrap_ups: what agents told of a call that is another one now, unless they told of that one, too
UPDATE wrap_up SET call_id = :winner WHERE call_id = :call_id AND NOT EXISTS (
  SELECT 1 FROM wrap_up o WHERE o.call_id = :winner AND o.user_name = wrap_up.user_name);

-- drop_wrap_ups: they told of the other
DELETE FROM wrap_up WHERE call_id = :call_id;

-- contacts_of_phone: who of each customer has this number
SELECT customer_code, name FROM contact WHERE phone_e164 = :phone ORDER BY customer_code, name;

-- originated: what the daemon noted of a call it placed, by its first channel
SELECT body FROM fact WHERE node = :node AND file = :file AND kind = 'live' ORDER BY at_offset LIMIT 1;

-- insert_dial: a call is asked for
INSERT INTO dial (id, node, channel, extension, user_name, ask_key, number, about, state, reason, asked_at_us, call_id)
VALUES (:id, :node, :channel, :extension, :user_name, :ask_key, :number, :about, 'asked', '', :asked_at_us, '');

-- dial: one call that was asked for
SELECT id, node, channel, extension, user_name, number, about, state, reason, asked_at_us, sent_at_us, ended_at_us, call_id
FROM dial WHERE id = :id;

-- dial_of_key: what was asked for under a key before
SELECT id, node, channel, extension, user_name, number, about, state, reason, asked_at_us, sent_at_us, ended_at_us, call_id
FROM dial WHERE user_name = :user_name AND ask_key = :ask_key ORDER BY asked_at_us LIMIT 1;

-- open_dials: calls asked for that are not over, of a node, or of one phone of it
SELECT id, node, channel, extension, user_name, number, about, state, reason, asked_at_us, sent_at_us, ended_at_us, call_id
FROM dial WHERE node = :node AND state <> 'over' AND (CAST(:extension AS TEXT) = '' OR extension = :extension)
ORDER BY asked_at_us, id;

-- dials_about: calls asked for about something, the latest first
SELECT id, node, channel, extension, user_name, number, about, state, reason, asked_at_us, sent_at_us, ended_at_us, call_id
FROM dial WHERE about = :about AND about <> '' ORDER BY asked_at_us DESC, id LIMIT :limit;

-- send_dial: it goes to Asterisk now, and never again
UPDATE dial SET state = 'sent', sent_at_us = :sent_at_us WHERE id = :id AND state = 'asked';

-- end_dial: it is over, once
UPDATE dial SET state = 'over', reason = :reason, ended_at_us = :ended_at_us, call_id = :call_id
WHERE id = :id AND state <> 'over';

-- open_callbacks_to: the open callbacks to a number, and whether a channel was dialled for each
SELECT id, kind, asked_at_us, wanted_at_us, tries, taken_at_us, taken_until_us,
  EXISTS (SELECT 1 FROM dial WHERE dial.about = 'callback:' || callback.id AND dial.channel = :root)
FROM callback WHERE number = :number AND done_at_us IS NULL ORDER BY id;

-- tries_of_call: for which callbacks a call was made, and what came of it
SELECT callback_id, outcome FROM callback_try WHERE call_id = :call_id;

-- note_try: a call was made for a callback
INSERT INTO callback_try (callback_id, call_id, at_us, agent, outcome)
VALUES (:id, :call_id, :at_us, :agent, :outcome)
ON CONFLICT (callback_id, call_id) DO UPDATE SET agent = excluded.agent, outcome = excluded.outcome;

-- name_tries: who made the call is known by now
UPDATE callback_try SET agent = :agent WHERE call_id = :call_id AND agent <> :agent;

-- name_done: so who did the callback
UPDATE callback SET done_by = :agent
WHERE done_by = '' AND result = :result AND done_at_us IS NOT NULL
  AND id IN (SELECT callback_id FROM callback_try WHERE call_id = :call_id);

-- drop_tries: this call is another one now, which is told anew
DELETE FROM callback_try WHERE call_id = :call_id;

-- callback_tried: what came of a try
UPDATE callback SET tries = :tries, wanted_at_us = :wanted_at_us, done_at_us = :done_at_us, done_by = :done_by,
  result = :result, taken_by = '', taken_at_us = NULL, taken_until_us = NULL
WHERE id = :id AND done_at_us IS NULL;

-- callback: one callback with its customer
SELECT callback.id, callback.kind, callback.number, callback.customer_code, customer.name, customer.tier, callback.queue,
  callback.about, callback.why, callback.owner, callback.made_by, callback.asked_at_us, callback.wanted_at_us,
  callback.tries, callback.taken_by, callback.taken_until_us, callback.done_at_us, callback.done_by, callback.result
FROM callback LEFT JOIN customer ON customer.code = callback.customer_code
WHERE callback.id = :id;

-- page_open_callbacks: those not done that are wanted between two moments, the longest wanted first, after a place in that
-- order; of one person, also of some queues, or everybody's
SELECT callback.id, callback.kind, callback.number, callback.customer_code, customer.name, customer.tier, callback.queue,
  callback.about, callback.why, callback.owner, callback.made_by, callback.asked_at_us, callback.wanted_at_us,
  callback.tries, callback.taken_by, callback.taken_until_us, callback.done_at_us, callback.done_by, callback.result
FROM callback LEFT JOIN customer ON customer.code = callback.customer_code
WHERE callback.done_at_us IS NULL AND callback.wanted_at_us >= :from_us AND callback.wanted_at_us < :until_us
  AND (callback.wanted_at_us > :after_us OR (callback.wanted_at_us = :after_us AND callback.id > :after_id))
  AND (CAST(:everybody AS BIGINT) = 1 OR callback.owner = :owner
    OR (CAST(:pool AS BIGINT) = 1 AND callback.owner = '' AND (callback.queue = '' OR CAST(:queues AS TEXT) = '*'
      OR CAST(:queues AS TEXT) LIKE '%,' || REPLACE(callback.queue, '_', '!_') || ',%' ESCAPE '!')))
ORDER BY callback.wanted_at_us, callback.id LIMIT :limit;

-- page_callbacks_between: those wanted between two moments, done or not
SELECT callback.id, callback.kind, callback.number, callback.customer_code, customer.name, customer.tier, callback.queue,
  callback.about, callback.why, callback.owner, callback.made_by, callback.asked_at_us, callback.wanted_at_us,
  callback.tries, callback.taken_by, callback.taken_until_us, callback.done_at_us, callback.done_by, callback.result
FROM callback LEFT JOIN customer ON customer.code = callback.customer_code
WHERE callback.wanted_at_us >= :from_us AND callback.wanted_at_us < :until_us
  AND (callback.wanted_at_us > :after_us OR (callback.wanted_at_us = :after_us AND callback.id > :after_id))
  AND (CAST(:everybody AS BIGINT) = 1 OR callback.owner = :owner
    OR (CAST(:pool AS BIGINT) = 1 AND callback.owner = '' AND (callback.queue = '' OR CAST(:queues AS TEXT) = '*'
      OR CAST(:queues AS TEXT) LIKE '%,' || REPLACE(callback.queue, '_', '!_') || ',%' ESCAPE '!')))
ORDER BY callback.wanted_at_us, callback.id LIMIT :limit;

-- page_done_callbacks: those done between two moments, the last first
SELECT callback.id, callback.kind, callback.number, callback.customer_code, customer.name, customer.tier, callback.queue,
  callback.about, callback.why, callback.owner, callback.made_by, callback.asked_at_us, callback.wanted_at_us,
  callback.tries, callback.taken_by, callback.taken_until_us, callback.done_at_us, callback.done_by, callback.result
FROM callback LEFT JOIN customer ON customer.code = callback.customer_code
WHERE callback.done_at_us IS NOT NULL AND callback.done_at_us >= :from_us AND callback.done_at_us < :until_us
  AND (callback.done_at_us < :after_us OR (callback.done_at_us = :after_us AND callback.id < :after_id))
  AND (CAST(:everybody AS BIGINT) = 1 OR callback.owner = :owner
    OR (CAST(:pool AS BIGINT) = 1 AND callback.owner = '' AND (callback.queue = '' OR CAST(:queues AS TEXT) = '*'
      OR CAST(:queues AS TEXT) LIKE '%,' || REPLACE(callback.queue, '_', '!_') || ',%' ESCAPE '!')))
ORDER BY callback.done_at_us DESC, callback.id DESC LIMIT :limit;

-- callback_lines_of_customer: a customer's, the last wanted first
SELECT callback.id, callback.kind, callback.number, callback.customer_code, customer.name, customer.tier, callback.queue,
  callback.about, callback.why, callback.owner, callback.made_by, callback.asked_at_us, callback.wanted_at_us,
  callback.tries, callback.taken_by, callback.taken_until_us, callback.done_at_us, callback.done_by, callback.result
FROM callback LEFT JOIN customer ON customer.code = callback.customer_code
WHERE callback.customer_code = :code AND callback.customer_code <> ''
ORDER BY callback.wanted_at_us DESC, callback.id LIMIT :limit;

-- callbacks_handed_to: open ones that others gave somebody who has done nothing with it since, the last given first
SELECT callback.id, callback.kind, callback.number, callback.customer_code, customer.name, customer.tier, callback.queue,
  callback.about, callback.why, callback.owner, callback.made_by, callback.asked_at_us, callback.wanted_at_us,
  callback.tries, callback.taken_by, callback.taken_until_us, callback.done_at_us, callback.done_by, callback.result,
  given.user_name, given.at_us
FROM callback JOIN callback_change given ON given.callback_id = callback.id
LEFT JOIN customer ON customer.code = callback.customer_code
WHERE callback.done_at_us IS NULL AND callback.owner = :user_name AND given.user_name <> :user_name
  AND given.what IN ('made', 'given', 'opened')
  AND NOT EXISTS (SELECT 1 FROM callback_change later WHERE later.callback_id = callback.id
    AND ((later.user_name = :user_name AND later.at_us >= given.at_us)
      OR (later.what IN ('given', 'opened') AND later.at_us > given.at_us)))
ORDER BY given.at_us DESC, callback.id LIMIT :limit;

-- callback_of_owner: a row if this open one is somebody's
SELECT id FROM callback WHERE id = :id AND owner = :user_name AND done_at_us IS NULL;

-- wrong_of_customer: what went wrong lately in a customer's calls
SELECT moment.kind, call.outcome, COUNT(*) FROM call JOIN moment ON moment.call_id = call.call_id
WHERE call.customer_code = :who AND call.customer_code <> '' AND call.started_at_us >= :since_us
GROUP BY moment.kind, call.outcome;

-- wrong_of_number: the same of whoever calls from a number
SELECT moment.kind, call.outcome, COUNT(*) FROM call JOIN moment ON moment.call_id = call.call_id
WHERE call.caller_number = :who AND call.started_at_us >= :since_us
GROUP BY moment.kind, call.outcome;

-- tries_of_callback: the calls that were made for it, the oldest first
SELECT call_id, at_us, agent, outcome FROM callback_try WHERE callback_id = :id ORDER BY at_us, call_id;

-- changes_of_callback: what people did with it, the oldest first
SELECT at_us, user_name, what, detail FROM callback_change WHERE callback_id = :id ORDER BY at_us, id;

-- insert_callback_change: somebody did something with it
INSERT INTO callback_change (id, callback_id, at_us, user_name, what, detail)
VALUES (:change, :id, :at_us, :user_name, :what, :detail);

-- insert_follow_up: one of ours is to call somebody
INSERT INTO callback (id, node, channel, number, customer_code, queue, asked_at_us, wanted_at_us, kind, about, why, owner,
  made_by)
VALUES (:id, '', '', :number, :customer_code, :queue, :at_us, :wanted_at_us, 'follow_up', :about, :why, :owner, :user_name)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- take_callback: somebody is about to call, unless another is, this number
UPDATE callback SET taken_by = :user_name, taken_at_us = :at_us, taken_until_us = :until_us
WHERE id = :id AND done_at_us IS NULL
  AND NOT EXISTS (SELECT 1 FROM callback AS other WHERE other.number = callback.number AND other.done_at_us IS NULL
    AND other.taken_by <> :user_name AND other.taken_until_us > :at_us)
RETURNING id;

-- who_calls: who is about to call the number of a callback
SELECT other.taken_by FROM callback JOIN callback AS other ON other.number = callback.number
WHERE callback.id = :id AND other.done_at_us IS NULL AND other.taken_until_us > :at_us ORDER BY other.taken_at_us LIMIT 1;

-- free_callback: whoever took it does not call after all
UPDATE callback SET taken_by = '', taken_at_us = NULL, taken_until_us = NULL
WHERE id = :id AND taken_by = :user_name RETURNING id;

-- put_off_callback: not before then
UPDATE callback SET wanted_at_us = :wanted_at_us, taken_by = '', taken_at_us = NULL, taken_until_us = NULL
WHERE id = :id AND done_at_us IS NULL RETURNING id;

-- give_callback: this person is to call; empty: whoever comes first
UPDATE callback SET owner = :owner, taken_by = '', taken_at_us = NULL, taken_until_us = NULL
WHERE id = :id AND done_at_us IS NULL AND owner <> :owner RETURNING id;

-- close_callback: it is over
UPDATE callback SET done_at_us = :at_us, done_by = :by, result = :result, taken_by = '', taken_at_us = NULL,
  taken_until_us = NULL
WHERE id = :id AND done_at_us IS NULL RETURNING id;

-- open_callback_again: it is not over after all, and its tries begin anew
UPDATE callback SET done_at_us = NULL, done_by = '', result = '', tries = 0, wanted_at_us = :wanted_at_us
WHERE id = :id AND done_at_us IS NOT NULL RETURNING id;

-- customers_to_index: customers whose words are not worked out yet
SELECT code, name FROM customer WHERE found_by IS NULL ORDER BY code LIMIT :limit;

-- customer_found_by: by what a customer is found
SELECT found_by FROM customer WHERE code = :code;

-- set_found_by: these are a customer's words
UPDATE customer SET found_by = :found_by WHERE code = :code;

-- drop_customer_word: a customer is no longer found by this
DELETE FROM customer_word WHERE word = :word AND code = :code;

-- put_customer_word: a customer is found by this
INSERT INTO customer_word (word, code, own) VALUES (:word, :code, :own)
ON CONFLICT (word, code) DO UPDATE SET own = excluded.own;

-- count_customer_words: how many there are that begin so, up to a bound
SELECT COUNT(*) FROM (SELECT word FROM customer_word WHERE word >= :low ORDER BY word LIMIT :most) AS behind
WHERE word < :high;

-- customers_by_word: the customers of the words behind a place; an end to them would let a server that knows nothing yet
-- of this table sort all of them first
SELECT w.word, w.code, w.own, customer.name, customer.found_by
FROM (
  SELECT word, code, own FROM customer_word
  WHERE word >= :from_word AND (word, code) > (:from_word, :from_code)
  ORDER BY word, code LIMIT :limit
) AS w CROSS JOIN customer ON customer.code = w.code WHERE w.own >= 0
ORDER BY w.word, w.code;

-- customers_by_phone_start: customers with a number that begins so
SELECT contact.phone_e164, contact.customer_code, customer.name
FROM contact CROSS JOIN customer ON customer.code = contact.customer_code WHERE contact.phone_e164 >= :low AND contact.phone_e164 < :high
ORDER BY contact.phone_e164, contact.customer_code LIMIT :limit;

-- contacts_of: a customer's contacts
SELECT customer_code, name, phone_e164 FROM contact WHERE customer_code = :code ORDER BY phone_e164;

-- others_of_phone: other customers with this number
SELECT c.code, c.name FROM contact p JOIN customer c ON c.code = p.customer_code
WHERE p.phone_e164 = :phone AND c.code <> :code ORDER BY c.code;

-- insert_customer: a customer whom a person wrote down
INSERT INTO customer (code, name, language, tier, agent) VALUES (:code, :name, :language, :tier, :agent);

-- update_customer: what a person may change of a customer
UPDATE customer SET name = :name, language = :language, tier = :tier, agent = :agent WHERE code = :code;

-- delete_customer: this customer is no more
DELETE FROM customer WHERE code = :code;

-- drop_customer_from_book: nobody calls this customer any more
DELETE FROM phone_book WHERE customer_code = :code AND customer_code <> '';

-- any_call_of_customer: whether there is a call of this customer
SELECT 1 FROM call WHERE customer_code = :code AND customer_code <> '' LIMIT 1;

-- any_ticket_of_customer: whether there is a ticket
SELECT 1 FROM ticket WHERE customer_code = :code LIMIT 1;

-- any_contract_of_customer: whether there is a contract
SELECT 1 FROM contract WHERE customer_code = :code LIMIT 1;

-- any_callback_of_customer: whether there is a callback
SELECT 1 FROM callback WHERE customer_code = :code LIMIT 1;

-- merged_into: the customer whom another one became
SELECT kept_code FROM customer_merge WHERE gone_code = :code AND undone_at_us IS NULL;

-- standing_merge_into: whether somebody became this customer
SELECT 1 FROM customer_merge WHERE kept_code = :code AND undone_at_us IS NULL LIMIT 1;

-- contract_of_number: whether a customer has a contract of this number
SELECT 1 FROM contract WHERE customer_code = :code AND number = :number;

-- merged_codes: every code that is another customer's now
SELECT gone_code, kept_code FROM customer_merge WHERE undone_at_us IS NULL;

-- insert_merge: two customers become one
INSERT INTO customer_merge (id, gone_code, gone_name, kept_code, at_us, user_name, body)
VALUES (:id, :gone_code, :gone_name, :kept_code, :at_us, :user_name, :body);

-- merge: one of them
SELECT id, gone_code, gone_name, kept_code, at_us, user_name, undone_at_us, undone_by, stayed, body
FROM customer_merge WHERE id = :id;

-- merges_into: those into one customer, the newest first
SELECT id, gone_code, gone_name, kept_code, at_us, user_name, undone_at_us, undone_by, stayed
FROM customer_merge WHERE kept_code = :code ORDER BY at_us DESC, id DESC LIMIT :limit;

-- end_merge: it was undone
UPDATE customer_merge SET undone_at_us = :at_us, undone_by = :user_name, stayed = :stayed, body = '[]'
WHERE id = :id AND undone_at_us IS NULL;

-- story_tickets: a customer's tickets of some kind before a place, newest first
SELECT created_at_us, tracking_number, kind, status, subject, updated_at_us FROM ticket
WHERE customer_code = :code AND (CAST(:kind AS TEXT) = '' OR kind = :kind)
  AND (created_at_us, tracking_number) < (:below_us, :below_id)
ORDER BY created_at_us DESC, tracking_number DESC LIMIT :limit;

-- story_callbacks: a customer's callbacks before a place, newest first
SELECT asked_at_us, id, number, queue, wanted_at_us, done_at_us, done_by, result FROM callback
WHERE customer_code = :code AND customer_code <> '' AND (asked_at_us, id) < (:below_us, :below_id)
ORDER BY asked_at_us DESC, id DESC LIMIT :limit;

-- story_noted_calls: a customer's calls at which people noted something, before a place, newest first
SELECT {columns} FROM call
WHERE customer_code = :customer AND customer_code <> '' AND started_at_us <= :below_us
  AND (started_at_us, call_id) < (:below_us, :below_id)
  AND EXISTS (SELECT 1 FROM call_note n WHERE n.call_id = call.call_id)
ORDER BY started_at_us DESC, call_id DESC LIMIT :limit;

-- story_moments: what went wrong at a customer's calls since a moment, newest first
SELECT call.call_id, moment.kind, call.started_at_us, moment.detail, moment.state
FROM call CROSS JOIN moment ON moment.call_id = call.call_id WHERE call.customer_code = :code AND call.customer_code <> '' AND call.started_at_us >= :since_us
ORDER BY call.started_at_us DESC, moment.kind LIMIT :limit;

-- customer_met: whether one of a customer's newest calls has this facet
SELECT 1 FROM (
  SELECT started_at_us, call_no FROM call WHERE customer_code = :code AND customer_code <> ''
  ORDER BY started_at_us DESC, call_id DESC LIMIT :limit
) AS newest
WHERE EXISTS (SELECT 1 FROM call_facet f
  WHERE f.facet = :facet AND f.started_at_us = newest.started_at_us AND f.call_no = newest.call_no)
LIMIT 1;

-- phone_book_of: what somebody keeps, by name
SELECT b.id, b.customer_code, b.number, b.name, c.name FROM phone_book b
LEFT JOIN customer c ON c.code = b.customer_code
WHERE b.user_name = :user_name ORDER BY b.at_us DESC, b.id;

-- put_in_phone_book: somebody keeps this, unless they keep as much as anybody may
INSERT INTO phone_book (id, user_name, customer_code, number, name, at_us)
SELECT CAST(:id AS TEXT), CAST(:user_name AS TEXT), CAST(:customer_code AS TEXT), CAST(:number AS TEXT),
  CAST(:name AS TEXT), CAST(:at_us AS BIGINT)
WHERE (SELECT COUNT(*) FROM phone_book WHERE user_name = :user_name) < CAST(:most AS BIGINT)
ON CONFLICT (user_name, customer_code, number) DO UPDATE SET name = excluded.name
RETURNING id;

-- take_out_of_phone_book: and not any more
DELETE FROM phone_book WHERE id = :id AND user_name = :user_name RETURNING name;

-- page_contracts: contracts by their last day, after a place in that order
SELECT contract.customer_code, customer.name, customer.tier, contract.number, contract.starts_on, contract.ends_on,
  contract.level, contract.outcome, contract.outcome_end, contract.renews
FROM contract JOIN customer ON customer.code = contract.customer_code
WHERE contract.ends_on >= :first AND contract.ends_on <= :last
  AND contract.starts_on >= :begins_from AND contract.starts_on <= :begins_to
  AND (CAST(:pattern AS TEXT) = '' OR customer.code = :code OR contract.number = :code
    OR LOWER(customer.name) LIKE LOWER(CAST(:pattern AS TEXT)) ESCAPE '!')
  AND (CAST(:level AS TEXT) = '' OR contract.level = :level)
  AND (CAST(:outcome AS TEXT) = '' OR CAST(:outcome AS TEXT) =
    CASE WHEN contract.outcome <> '' AND contract.outcome_end = contract.ends_on THEN contract.outcome ELSE 'open' END)
  AND (contract.ends_on, contract.customer_code, contract.number) > (:after_day, :after_code, :after_number)
ORDER BY contract.ends_on, contract.customer_code, contract.number LIMIT :limit;

-- page_contracts_back: the same, the last day that is latest first
SELECT contract.customer_code, customer.name, customer.tier, contract.number, contract.starts_on, contract.ends_on,
  contract.level, contract.outcome, contract.outcome_end, contract.renews
FROM contract JOIN customer ON customer.code = contract.customer_code
WHERE contract.ends_on >= :first AND contract.ends_on <= :last
  AND contract.starts_on >= :begins_from AND contract.starts_on <= :begins_to
  AND (CAST(:pattern AS TEXT) = '' OR customer.code = :code OR contract.number = :code
    OR LOWER(customer.name) LIKE LOWER(CAST(:pattern AS TEXT)) ESCAPE '!')
  AND (CAST(:level AS TEXT) = '' OR contract.level = :level)
  AND (CAST(:outcome AS TEXT) = '' OR CAST(:outcome AS TEXT) =
    CASE WHEN contract.outcome <> '' AND contract.outcome_end = contract.ends_on THEN contract.outcome ELSE 'open' END)
  AND (contract.ends_on, contract.customer_code, contract.number) < (:after_day, :after_code, :after_number)
ORDER BY contract.ends_on DESC, contract.customer_code DESC, contract.number DESC LIMIT :limit;

-- contract_of: one contract
SELECT contract.customer_code, customer.name, customer.tier, contract.number, contract.starts_on, contract.ends_on,
  contract.level, contract.outcome, contract.outcome_end, contract.renews
FROM contract JOIN customer ON customer.code = contract.customer_code
WHERE contract.customer_code = :code AND contract.number = :number;

-- contracts_of_customer: a customer's, the one that ends last first
SELECT contract.customer_code, customer.name, customer.tier, contract.number, contract.starts_on, contract.ends_on,
  contract.level, contract.outcome, contract.outcome_end, contract.renews
FROM contract JOIN customer ON customer.code = contract.customer_code
WHERE contract.customer_code = :code ORDER BY contract.ends_on DESC, contract.number LIMIT :limit;

-- contract_levels: what contracts are called
SELECT DISTINCT level FROM contract WHERE level <> '' ORDER BY level LIMIT :limit;

-- contract_numbers: those of a customer, and which each goes on from
SELECT number, renews FROM contract WHERE customer_code = :code;

-- contract_contacts: whom to call at a customer's
SELECT name, phone_e164 FROM contact WHERE customer_code = :code ORDER BY phone_e164 LIMIT :limit;

-- contract_entries: what was done about a renewal, the oldest first
SELECT id, at_us, user_name, kind, ends_on, body, reason, renewed, renewed_to, callback, step_us, undoes
FROM contract_entry WHERE customer_code = :code AND number = :number ORDER BY at_us, id;

-- insert_contract_entry: something was done about it
INSERT INTO contract_entry (id, customer_code, number, at_us, user_name, kind, ends_on, body, reason, renewed, renewed_to,
  callback, step_us, undoes)
VALUES (:id, :code, :number, :at_us, :user_name, :kind, :ends_on, :body, :reason, :renewed, :renewed_to, :callback,
  :step_us, :undoes);

-- set_contract_outcome: what came of the renewal of the term that ends then
UPDATE contract SET outcome = :outcome, outcome_end = :ends_on WHERE customer_code = :code AND number = :number;

-- insert_renewed_contract: the contract that goes on from another, unless there is one of that number
INSERT INTO contract (customer_code, number, starts_on, ends_on, level, renews)
VALUES (:code, :number, :starts_on, :ends_on, :level, :renews)
ON CONFLICT (customer_code, number) DO NOTHING RETURNING number;

-- drop_renewed_contract: it does not go on after all; one that was changed or worked on since stays
DELETE FROM contract
WHERE customer_code = :code AND number = :number AND renews = :renews AND ends_on = :ends_on AND outcome = ''
  AND NOT EXISTS (SELECT 1 FROM contract_entry AS entry
    WHERE entry.customer_code = contract.customer_code AND entry.number = contract.number);

-- calls_of_term: a customer's calls begun between two moments, the newest first
SELECT direction, outcome, answered_at_us, talk_us, wait_us, facets, started_at_us FROM call
WHERE customer_code = :code AND customer_code <> '' AND started_at_us >= :start_us AND started_at_us < :end_us
ORDER BY started_at_us DESC LIMIT :limit;

-- tickets_of_term: a customer's tickets opened between two moments, by kind, with how long they took
SELECT kind, COUNT(*), COUNT(responded_at_us), COALESCE(SUM(responded_at_us - created_at_us), 0), COUNT(resolved_at_us),
  COALESCE(SUM(resolved_at_us - created_at_us), 0)
FROM ticket WHERE customer_code = :code AND created_at_us >= :start_us AND created_at_us < :end_us GROUP BY kind;

-- survey_facets: the answers that a call may be found by
SELECT id, value FROM facet WHERE kind = 'survey';

-- groups_of_customer: the groups of a customer's calls
SELECT call_group FROM call WHERE customer_code = :code AND customer_code <> '';

-- calls_to_erase: what stands there of a group's call
SELECT call_id, body, customer_code, ended_at_us FROM call WHERE call_group = :id;

-- contacts_to_erase: a customer's contacts
SELECT phone_e164, name FROM contact WHERE customer_code = :code ORDER BY phone_e164;

-- names_merged_into: what customers were called who became this one
SELECT gone_name FROM customer_merge WHERE kept_code = :code AND undone_at_us IS NULL;

-- recordings_to_erase: the recordings of a call of which there may be a file
SELECT file, path FROM recording WHERE call_id = :call_id AND state IN ('awaited', 'present', 'gone') ORDER BY file;

-- messages_to_erase: what a caller recorded on a channel, as far as it is kept
SELECT name, path FROM message WHERE node = :node AND channel = :channel AND path <> '' ORDER BY name;

-- messages_of_tickets: the messages that a customer's tickets came with, as far as they are kept
SELECT message.name, message.path FROM ticket JOIN message ON message.name = ticket.message
WHERE ticket.customer_code = :code AND ticket.message <> '' AND message.path <> '' ORDER BY message.name;

-- erase_messages: their files are gone
UPDATE message SET path = '', caller = :number WHERE node = :node AND channel = :channel;

-- erase_messages_of_tickets: so are those of tickets
UPDATE message SET path = '', caller = :number
WHERE name IN (SELECT message FROM ticket WHERE customer_code = :code AND message <> '');

-- erase_recordings: their files are gone
UPDATE recording SET state = :state WHERE call_id = :call_id AND state IN ('awaited', 'present', 'gone');

-- erase_notes: what people wrote of a call
UPDATE call_note SET body = :mark WHERE call_id = :call_id;

-- erase_moments: and of what went wrong in it
UPDATE moment SET note = '' WHERE call_id = :call_id AND note <> '';

-- erase_wrap_ups: and when it was over; for what it was stays, it is counted
UPDATE wrap_up SET number = :number, name = '', customer_code = '', next_step = '' WHERE call_id = :call_id;

-- erase_links: which tickets it was about
DELETE FROM call_ticket WHERE call_id = :call_id;

-- erase_contact: a contact goes; nothing is linked anew, for there is nothing left to link
DELETE FROM contact WHERE customer_code = :code AND phone_e164 = :phone;

-- erase_customer: all but the code
UPDATE customer SET name = :name, language = NULL, agent = '', pin_hash = '', found_by = NULL WHERE code = :code;
