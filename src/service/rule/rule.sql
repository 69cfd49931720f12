-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- Where rules come from beside the own pack and what is written here. edition_id: in force; former_id: what one step back leads to;
-- waiting_id: looked at, not in force yet.
CREATE TABLE rule_archive (id {blob} NOT NULL PRIMARY KEY, name {text} NOT NULL UNIQUE, url {text} NOT NULL,
  keep_updated {int} NOT NULL, etag {text} NOT NULL, checked_at {int}, problem {text} NOT NULL, edition_id {blob}, former_id {blob},
  waiting_id {blob}, created_at {int} NOT NULL, created_by {text} NOT NULL, version {int} NOT NULL) {strict};
-- What a file or an address gave on one day. Its rules lie in a file of its own.
CREATE TABLE rule_edition (id {blob} NOT NULL PRIMARY KEY, archive_id {blob} NOT NULL, label {text} NOT NULL, sha256 {text} NOT NULL,
  at {int} NOT NULL, by_name {text} NOT NULL, files {int} NOT NULL, documents {int} NOT NULL, refused {int} NOT NULL,
  skipped {int} NOT NULL, applied_at {int}) {strict};
CREATE INDEX rule_edition_archive ON rule_edition (archive_id, at);
-- One row a file of rules. rule_key: archive and the rule's own id, or its path. level_rank: informational 1 to critical 5, 0 unknown.
CREATE TABLE rule (id {blob} NOT NULL PRIMARY KEY, rule_key {text} NOT NULL UNIQUE, origin {int} NOT NULL, archive_id {blob},
  edition_id {blob}, path {text} NOT NULL, sigma_id {text} NOT NULL, ids {text} NOT NULL, kind {text} NOT NULL, title {text} NOT NULL,
  level {text} NOT NULL, level_rank {int} NOT NULL, status {text} NOT NULL, category {text} NOT NULL, product {text} NOT NULL,
  service {text} NOT NULL, tags {text} NOT NULL, author {text} NOT NULL, text {text} NOT NULL, sha256 {text} NOT NULL,
  documents {int} NOT NULL, refused {text} NOT NULL, enabled {int} NOT NULL, chosen {int} NOT NULL, gone {int} NOT NULL,
  created_at {int} NOT NULL, changed_at {int} NOT NULL, changed_by {text} NOT NULL, hits_per_day {int}, replayed_at {int},
  search_key {text} NOT NULL, sort_key {blob} NOT NULL, version {int} NOT NULL) {strict};
CREATE INDEX rule_archive_rules ON rule (archive_id, gone);
CREATE INDEX rule_sigma_id ON rule (sigma_id);
CREATE INDEX rule_sort ON rule (sort_key, id);
-- What was switched together, so that it can be switched back together.
CREATE TABLE rule_switch (id {blob} NOT NULL, rule_id {blob} NOT NULL, enabled_before {int} NOT NULL, chosen_before {int} NOT NULL,
  at {int} NOT NULL, PRIMARY KEY (id, rule_id)) {strict};
CREATE INDEX rule_switch_at ON rule_switch (at);
CREATE TABLE rule_exclusion (id {blob} NOT NULL PRIMARY KEY, rule_id {blob} NOT NULL, author_id {blob}, author_name {text} NOT NULL,
  reason {text} NOT NULL, condition {text} NOT NULL, unit_id {blob}, created_at {int} NOT NULL, expires_at {int} NOT NULL,
  ended_at {int}, ended_by {text} NOT NULL, version {int} NOT NULL) {strict};
CREATE INDEX rule_exclusion_rule ON rule_exclusion (rule_id);
-- The values lie in a file named by their digest: a million rows would be a million index entries for what is only ever read whole.
CREATE TABLE rule_indicator_list (id {blob} NOT NULL PRIMARY KEY, name {text} NOT NULL UNIQUE, source {text} NOT NULL, tlp {text} NOT NULL,
  confidence {int} NOT NULL, expires_at {int}, enabled {int} NOT NULL, count {int} NOT NULL, types {text} NOT NULL, sha256 {text} NOT NULL,
  created_at {int} NOT NULL, created_by {text} NOT NULL, changed_at {int} NOT NULL, version {int} NOT NULL) {strict};
-- "Would it have fired?": progress and what came of it. state: 0 running, 1 done, 2 failed, 3 cancelled.
CREATE TABLE rule_replay (id {blob} NOT NULL PRIMARY KEY, rule_id {blob}, account_id {blob} NOT NULL, from_at {int} NOT NULL,
  to_at {int} NOT NULL, state {int} NOT NULL, done {int} NOT NULL, total {int} NOT NULL, matched {int} NOT NULL, result {text} NOT NULL,
  problem {text} NOT NULL, started_at {int} NOT NULL, ended_at {int}) {strict};
CREATE INDEX rule_replay_started ON rule_replay (started_at);
-- `changed` counts what detection must hear of; `written` is the count that its file holds.
CREATE TABLE rule_set_state (one {int} NOT NULL PRIMARY KEY, changed {int} NOT NULL, changed_at {int} NOT NULL, written {int} NOT NULL,
  written_at {int} NOT NULL, digest {text} NOT NULL, rules {int} NOT NULL, indicators {int} NOT NULL, own_version {text} NOT NULL) {strict};
INSERT INTO rule_set_state (one, changed, changed_at, written, written_at, digest, rules, indicators, own_version)
  VALUES (1, 1, 0, 0, 0, '', 0, 0, '');
-- migration 2
-- Since when it is switched on: what it finds before it was watched for a while may be everyday here. 0: since ever.
ALTER TABLE rule ADD COLUMN since {int} NOT NULL DEFAULT 0;
