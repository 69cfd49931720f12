-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- How long logs are kept: figures of the pack; corrected: a person set another (then a new pack leaves it alone).
CREATE TABLE source_retention (
 class {text} NOT NULL PRIMARY KEY,
 position {int} NOT NULL,
 level {int} NOT NULL,
 label_vi {text} NOT NULL,
 label_en {text} NOT NULL,
 basis_vi {text} NOT NULL,
 basis_en {text} NOT NULL,
 confidence {text} NOT NULL,
 pack_days {int} NOT NULL,
 days {int} NOT NULL,
 corrected {int} NOT NULL,
 reason {text} NOT NULL,
 version {int} NOT NULL
) {strict};
-- addresses: canonical networks, one a line. retention: a class, or empty: by the system's level.
CREATE TABLE source (
 id {blob} NOT NULL PRIMARY KEY,
 unit_id {blob} NOT NULL REFERENCES unit (id),
 name {text} NOT NULL,
 search_key {text} NOT NULL,
 sort_key {blob} NOT NULL,
 system_name {text} NOT NULL,
 system_level {int} NOT NULL,
 kind {text} NOT NULL,
 addresses {text} NOT NULL,
 fingerprint {text} NOT NULL,
 token_id {blob},
 format {text} NOT NULL,
 retention {text} NOT NULL,
 rate_per_s {int} NOT NULL,
 silence_s {int} NOT NULL,
 enabled {int} NOT NULL,
 note {text} NOT NULL,
 created_at {int} NOT NULL,
 enabled_at {int} NOT NULL,
 version {int} NOT NULL
) {strict};
CREATE INDEX source_by_unit ON source (unit_id);
CREATE INDEX source_by_name ON source (sort_key);
-- What enabled sources claim: "a:<network>", "c:<fingerprint>", "t:<token id>". The key settles races.
CREATE TABLE source_claim (
 claim {text} NOT NULL PRIMARY KEY,
 source_id {blob} NOT NULL REFERENCES source (id)
) {strict};
CREATE INDEX source_claim_by_source ON source_claim (source_id);
-- What was counted of each: totals over all time, and the pipeline's counters as last seen (epoch: since when those count).
CREATE TABLE source_state (
 source_id {blob} NOT NULL PRIMARY KEY,
 totals {text} NOT NULL,
 seen {text} NOT NULL,
 epoch {int} NOT NULL,
 first_at {int} NOT NULL,
 last_at {int} NOT NULL
) {strict};
-- migration 2
-- IANA name: of times in logs that say none; empty: Vietnam's.
ALTER TABLE source ADD COLUMN time_zone {text} NOT NULL DEFAULT '';
