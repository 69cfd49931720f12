-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
CREATE TABLE alert (id {blob} NOT NULL PRIMARY KEY, number {int} NOT NULL UNIQUE, rule_id {text} NOT NULL,
  title {text} NOT NULL, severity {int} NOT NULL, state {int} NOT NULL, endpoint_id {blob},
  unit_id {blob} NOT NULL, threat {text} NOT NULL, path {text} NOT NULL, sha256 {text} NOT NULL,
  engine {text} NOT NULL, rule_name {text} NOT NULL, action {text} NOT NULL, quarantine_id {text} NOT NULL,
  size_bytes {int} NOT NULL, first_event_id {text} NOT NULL, why {text} NOT NULL, raw {text} NOT NULL,
  count {int} NOT NULL, first_at {int} NOT NULL, last_at {int} NOT NULL, group_key {text} NOT NULL,
-- NULL when closed: at most one open alert a group.
  open_group {text} UNIQUE, assignee_id {blob}, assignee_name {text} NOT NULL, incident_id {blob},
  incident_number {text} NOT NULL, resolution {text} NOT NULL, note {text} NOT NULL,
  acknowledged_at {int}, closed_at {int}, search_key {text} NOT NULL, sample {int} NOT NULL,
  version {int} NOT NULL) {strict};
CREATE INDEX alert_last ON alert (last_at, id);
CREATE INDEX alert_unit ON alert (unit_id, state);
CREATE INDEX alert_state ON alert (state, last_at);
CREATE INDEX alert_endpoint ON alert (endpoint_id, last_at);
CREATE INDEX alert_incident ON alert (incident_id);
CREATE INDEX alert_threat ON alert (threat, last_at);
CREATE TABLE alert_number (one {int} NOT NULL PRIMARY KEY, last {int} NOT NULL) {strict};
INSERT INTO alert_number (one, last) VALUES (1, 0);
CREATE TABLE alert_record (record_key {text} NOT NULL PRIMARY KEY, alert_id {blob} NOT NULL, at {int} NOT NULL)
  {strict};
CREATE INDEX alert_record_alert ON alert_record (alert_id, at);
CREATE INDEX alert_record_at ON alert_record (at);
CREATE TABLE alert_comment (id {blob} NOT NULL PRIMARY KEY, alert_id {blob} NOT NULL, at {int} NOT NULL,
  author_id {blob}, author_name {text} NOT NULL, text {text} NOT NULL) {strict};
CREATE INDEX alert_comment_alert ON alert_comment (alert_id, at);
-- migration 2
-- What the packs say; replaced as a whole at each start.
CREATE TABLE alert_text (kind {int} NOT NULL, id {text} NOT NULL, incident {text} NOT NULL, title_vi {text} NOT NULL,
  title_en {text} NOT NULL, happened_vi {text} NOT NULL, happened_en {text} NOT NULL, matters_vi {text} NOT NULL,
  matters_en {text} NOT NULL, steps_vi {text} NOT NULL, steps_en {text} NOT NULL, PRIMARY KEY (kind, id)) {strict};
-- migration 3
-- What rules bring with their findings; how the severity came about; where the alert stands in the queue.
ALTER TABLE alert ADD COLUMN kind {text} NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN entity {text} NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN tags {text} NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN technique {text} NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN rule_file {text} NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN rule_hash {text} NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN description {text} NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN source {text} NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN host {text} NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN rule_level {int} NOT NULL DEFAULT 0;
ALTER TABLE alert ADD COLUMN score {int} NOT NULL DEFAULT 0;
ALTER TABLE alert ADD COLUMN score_why {text} NOT NULL DEFAULT '';
-- severity * 2^52 + last_at: the order of the queue in one number.
ALTER TABLE alert ADD COLUMN queue_key {int} NOT NULL DEFAULT 0;
-- When it came into the queue, by the clock of the server; first_at is the event's own time.
ALTER TABLE alert ADD COLUMN created_at {int} NOT NULL DEFAULT 0;
UPDATE alert SET rule_level = severity, queue_key = severity * 4503599627370496 + last_at, created_at = first_at;
CREATE INDEX alert_queue ON alert (queue_key, id);
CREATE INDEX alert_rule ON alert (rule_id, last_at);
CREATE INDEX alert_created ON alert (created_at);
-- A note with a time is a promise: the hand-over tells it.
ALTER TABLE alert_comment ADD COLUMN due_at {int};
CREATE INDEX alert_comment_due ON alert_comment (due_at);
-- alert_severity.yaml, one row a figure.
CREATE TABLE alert_policy (name {text} NOT NULL PRIMARY KEY, value {int} NOT NULL) {strict};
-- threat '': any; entity '': any; endpoint_id NULL and host '': every machine of the unit and those below it.
CREATE TABLE alert_suppression (id {blob} NOT NULL PRIMARY KEY, rule_id {text} NOT NULL, rule_title {text} NOT NULL,
  threat {text} NOT NULL, entity {text} NOT NULL, endpoint_id {blob}, host {text} NOT NULL, unit_id {blob} NOT NULL,
  scope {text} NOT NULL, reason {text} NOT NULL, author_id {blob} NOT NULL, author_name {text} NOT NULL,
  created_at {int} NOT NULL, expires_at {int} NOT NULL, ended_at {int}, ended_by {text} NOT NULL,
  swallowed {int} NOT NULL, swallowed_at {int}, version {int} NOT NULL) {strict};
CREATE INDEX alert_suppression_rule ON alert_suppression (rule_id, expires_at);
CREATE INDEX alert_suppression_unit ON alert_suppression (unit_id, created_at);
-- migration 4
-- Closed alerts lie 2^56 below the open ones, so that the open queue is one range of one index; what its filters ask is in the index.
UPDATE alert SET queue_key = severity * 4503599627370496 + last_at - CASE WHEN state = 2 THEN 72057594037927936 ELSE 0 END;
DROP INDEX alert_queue;
CREATE INDEX alert_queue ON alert (queue_key, id, state, severity, unit_id);
DROP INDEX alert_created;
CREATE INDEX alert_created ON alert (created_at, sample, severity, unit_id, acknowledged_at, closed_at, resolution);
-- migration 5
-- What fired how often where: by day for "how common here", by hour for the last 24 hours, machines to count each once.
-- rule_key: rule_id, and of malware "|threat" behind it. day, hour: since 1970.
CREATE TABLE alert_firing_day (rule_key {text} NOT NULL, day {int} NOT NULL, unit_id {blob} NOT NULL, machines {int} NOT NULL,
  findings {int} NOT NULL, PRIMARY KEY (rule_key, day, unit_id)) {strict};
CREATE INDEX alert_firing_day_day ON alert_firing_day (day);
CREATE TABLE alert_firing_hour (rule_key {text} NOT NULL, hour {int} NOT NULL, unit_id {blob} NOT NULL, findings {int} NOT NULL,
  PRIMARY KEY (rule_key, hour, unit_id)) {strict};
CREATE INDEX alert_firing_hour_hour ON alert_firing_hour (hour);
-- The day on which the rule was last seen on the machine.
CREATE TABLE alert_firing_machine (rule_key {text} NOT NULL, machine {text} NOT NULL, unit_id {blob} NOT NULL, day {int} NOT NULL,
  PRIMARY KEY (rule_key, machine)) {strict};
CREATE INDEX alert_firing_machine_day ON alert_firing_machine (day);
-- tactics: of the rule, one a bit (alert_tactics.h). rarity: when it came.
ALTER TABLE alert ADD COLUMN tactics {int} NOT NULL DEFAULT 0;
ALTER TABLE alert ADD COLUMN rarity {int} NOT NULL DEFAULT 0;
CREATE INDEX alert_host ON alert (host, last_at);
-- Closed together with this suppression; taken back with it.
ALTER TABLE alert ADD COLUMN suppression_id {blob};
CREATE INDEX alert_suppressed ON alert (suppression_id);
-- migration 6
-- Came while its rule was being learned, and nothing but its rule made it urgent.
ALTER TABLE alert ADD COLUMN learning {int} NOT NULL DEFAULT 0;
