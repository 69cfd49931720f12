-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
CREATE TABLE endpoint_setting (name {text} NOT NULL PRIMARY KEY, value {text} NOT NULL) {strict};
CREATE TABLE enrolment_token (id {blob} NOT NULL PRIMARY KEY, hash {blob} NOT NULL UNIQUE,
  unit_id {blob} NOT NULL, created_by {blob} NOT NULL, created_by_name {text} NOT NULL,
  created_at {int} NOT NULL, expires_at {int} NOT NULL, uses {int} NOT NULL, used {int} NOT NULL,
  revoked_at {int}, CHECK (used >= 0 AND used <= uses)) {strict};
CREATE INDEX enrolment_token_unit ON enrolment_token (unit_id);
CREATE TABLE endpoint (id {blob} NOT NULL PRIMARY KEY, unit_id {blob} NOT NULL,
  hostname {text} NOT NULL, search_key {text} NOT NULL, sort_key {blob} NOT NULL,
  machine_key {text},
  os {text} NOT NULL, os_version {text} NOT NULL, addresses {text} NOT NULL,
  agent_version {text} NOT NULL, boot_id {text} NOT NULL, previous_boot_id {text} NOT NULL,
  bundle_version {int} NOT NULL, watch_mode {text} NOT NULL, scanner {text} NOT NULL,
  facts {text} NOT NULL, inventory_hash {text} NOT NULL, inventory_at {int} NOT NULL,
  state {int} NOT NULL, state_reason {text} NOT NULL, state_since {int} NOT NULL,
  last_seen_at {int} NOT NULL, enrolled_at {int} NOT NULL, clone_seen_at {int}, retired_at {int},
  note {text} NOT NULL, sample {int} NOT NULL, version {int} NOT NULL) {strict};
-- A machine is enrolled once; retiring it makes room.
CREATE UNIQUE INDEX endpoint_machine ON endpoint (machine_key) WHERE retired_at IS NULL;
CREATE INDEX endpoint_unit_state ON endpoint (unit_id, state);
CREATE INDEX endpoint_seen ON endpoint (last_seen_at);
CREATE INDEX endpoint_bundle ON endpoint (bundle_version);
CREATE INDEX endpoint_hostname ON endpoint (sort_key, id);
CREATE TABLE endpoint_certificate (fingerprint {text} NOT NULL PRIMARY KEY, endpoint_id {blob} NOT NULL,
  serial {text} NOT NULL, not_before {int} NOT NULL, not_after {int} NOT NULL, issued_at {int} NOT NULL)
  {strict};
CREATE INDEX endpoint_certificate_endpoint ON endpoint_certificate (endpoint_id);
CREATE TABLE endpoint_inventory (id {blob} NOT NULL PRIMARY KEY, endpoint_id {blob} NOT NULL,
  hash {text} NOT NULL, at {int} NOT NULL, json {text} NOT NULL) {strict};
CREATE INDEX endpoint_inventory_endpoint ON endpoint_inventory (endpoint_id, at);
CREATE TABLE endpoint_command (id {blob} NOT NULL PRIMARY KEY, endpoint_id {blob} NOT NULL,
  type {int} NOT NULL, path {text} NOT NULL, quarantine_id {text} NOT NULL, created_by {text} NOT NULL,
  created_at {int} NOT NULL, answered_at {int}, ok {int}, result {text}) {strict};
CREATE INDEX endpoint_command_open ON endpoint_command (endpoint_id, created_at) WHERE answered_at IS NULL;
CREATE TABLE endpoint_timeline (id {blob} NOT NULL PRIMARY KEY, endpoint_id {blob} NOT NULL,
  at {int} NOT NULL, what {text} NOT NULL, details {text} NOT NULL) {strict};
CREATE INDEX endpoint_timeline_endpoint ON endpoint_timeline (endpoint_id, at);
-- migration 2
-- When the machine fetched it: until then it can be taken back.
ALTER TABLE endpoint_command ADD COLUMN fetched_at {int};
-- migration 3
-- 0: never; else enum endpoint_isolation_state of its row in endpoint_isolation.
ALTER TABLE endpoint ADD COLUMN isolation {int} NOT NULL DEFAULT 0;
CREATE INDEX endpoint_isolated ON endpoint (isolation) WHERE isolation <> 0;
-- The last order of each machine; earlier ones are in its timeline and the audit log.
CREATE TABLE endpoint_isolation (endpoint_id {blob} NOT NULL PRIMARY KEY, id {blob} NOT NULL UNIQUE,
  state {int} NOT NULL, cause {text} NOT NULL, reason {text} NOT NULL, message {text} NOT NULL, alert_id {blob},
  asked_by {blob} NOT NULL, asked_by_name {text} NOT NULL, asked_at {int} NOT NULL, expires_at {int} NOT NULL,
  chosen {int} NOT NULL, carried_at {int}, lifted_by_name {text} NOT NULL, lift_asked_at {int}, ended_at {int},
  problem_key {text} NOT NULL, problem_args {text} NOT NULL, repaired {int} NOT NULL) {strict};
CREATE INDEX endpoint_isolation_asked ON endpoint_isolation (asked_by, asked_at);
-- migration 4
-- Since when half of the machines are here.
CREATE INDEX endpoint_enrolled ON endpoint (enrolled_at) WHERE retired_at IS NULL AND sample = 0;
-- migration 5
-- What the machine reports since it loaded its bundle: the ground to halt a rollout on.
ALTER TABLE endpoint ADD COLUMN health_found {int} NOT NULL DEFAULT 0;
ALTER TABLE endpoint ADD COLUMN health_crashes {int} NOT NULL DEFAULT 0;
ALTER TABLE endpoint ADD COLUMN health_files {int} NOT NULL DEFAULT 0;
ALTER TABLE endpoint ADD COLUMN health_scan_us {int} NOT NULL DEFAULT 0;
