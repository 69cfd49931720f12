-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
CREATE TABLE bundle (version {int} NOT NULL PRIMARY KEY, created_at {int} NOT NULL, expires_at {int} NOT NULL,
  sha256 {text} NOT NULL, size_bytes {int} NOT NULL, hash_count {int} NOT NULL, rule_count {int} NOT NULL,
  note {text} NOT NULL, author {text} NOT NULL) {strict};
CREATE TABLE signature_upload (id {blob} NOT NULL PRIMARY KEY, kind {text} NOT NULL, at {int} NOT NULL,
  author {text} NOT NULL, note {text} NOT NULL, text {text} NOT NULL) {strict};
CREATE TABLE detection (id {blob} NOT NULL PRIMARY KEY, record_key {text} NOT NULL UNIQUE, at {int} NOT NULL,
  endpoint_id {blob} NOT NULL, unit_id {blob} NOT NULL, alert_id {blob}, threat {text} NOT NULL,
  engine {text} NOT NULL, rule {text} NOT NULL, path {text} NOT NULL, sha256 {text} NOT NULL,
  size_bytes {int} NOT NULL, action {text} NOT NULL, quarantine_id {blob}, search_key {text} NOT NULL,
  sample {int} NOT NULL) {strict};
CREATE INDEX detection_at ON detection (at, id);
CREATE INDEX detection_unit ON detection (unit_id, at);
CREATE INDEX detection_endpoint ON detection (endpoint_id, at);
CREATE INDEX detection_threat ON detection (threat, at);
CREATE TABLE quarantine_item (id {blob} NOT NULL PRIMARY KEY, endpoint_id {blob} NOT NULL,
  agent_id {text} NOT NULL, unit_id {blob} NOT NULL, path {text} NOT NULL, threat {text} NOT NULL,
  sha256 {text} NOT NULL, size_bytes {int} NOT NULL, quarantined_at {int} NOT NULL, state {int} NOT NULL,
  changed_at {int} NOT NULL, reason {text} NOT NULL, search_key {text} NOT NULL, sample {int} NOT NULL,
  version {int} NOT NULL, UNIQUE (endpoint_id, agent_id)) {strict};
CREATE INDEX quarantine_item_at ON quarantine_item (quarantined_at, id);
CREATE INDEX quarantine_item_unit ON quarantine_item (unit_id, state);
-- migration 2
-- state: 0 released to all, 1 being rolled out, 2 halted, 3 replaced before it was everywhere. manifest_sha256 is '' for bundles
-- before chunks; container_sha256 names the file with chunks. held: rules that hit the clean corpus, JSON.
ALTER TABLE bundle ADD COLUMN manifest_sha256 {text} NOT NULL DEFAULT '';
ALTER TABLE bundle ADD COLUMN container_sha256 {text} NOT NULL DEFAULT '';
ALTER TABLE bundle ADD COLUMN state {int} NOT NULL DEFAULT 0;
ALTER TABLE bundle ADD COLUMN wave {int} NOT NULL DEFAULT 0;
ALTER TABLE bundle ADD COLUMN wave_at {int} NOT NULL DEFAULT 0;
ALTER TABLE bundle ADD COLUMN permille {int} NOT NULL DEFAULT 1000;
ALTER TABLE bundle ADD COLUMN halt_key {text} NOT NULL DEFAULT '';
ALTER TABLE bundle ADD COLUMN halt_args {text} NOT NULL DEFAULT '{}';
ALTER TABLE bundle ADD COLUMN held {text} NOT NULL DEFAULT '[]';
