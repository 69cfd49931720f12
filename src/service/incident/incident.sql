-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
CREATE TABLE incident_group (id {text} NOT NULL PRIMARY KEY, label_vi {text} NOT NULL,
  label_en {text} NOT NULL, cause {text} NOT NULL, position {int} NOT NULL) {strict};
-- Kinds are never deleted: old cases keep theirs.
CREATE TABLE incident_kind (id {text} NOT NULL PRIMARY KEY, group_id {text} NOT NULL, label_vi {text} NOT NULL,
  label_en {text} NOT NULL, line {text} NOT NULL, effects {text} NOT NULL, personal_data {text} NOT NULL,
  signals {text} NOT NULL, first_actions {text} NOT NULL, needs_label {int} NOT NULL,
  position {int} NOT NULL) {strict};
CREATE TABLE incident_state (id {text} NOT NULL PRIMARY KEY, label_vi {text} NOT NULL,
  label_en {text} NOT NULL, open {int} NOT NULL, initial {int} NOT NULL, position {int} NOT NULL) {strict};
CREATE TABLE incident_transition (from_state {text} NOT NULL, to_state {text} NOT NULL,
  permission {text} NOT NULL, note {int} NOT NULL, label_vi {text} NOT NULL, label_en {text} NOT NULL,
  position {int} NOT NULL, PRIMARY KEY (from_state, to_state)) {strict};
CREATE TABLE incident_number (year {int} NOT NULL PRIMARY KEY, last {int} NOT NULL) {strict};
CREATE TABLE incident (id {blob} NOT NULL PRIMARY KEY, number {text} NOT NULL UNIQUE, title {text} NOT NULL,
  kind {text} NOT NULL, other_label {text} NOT NULL, severity {int} NOT NULL, state {text} NOT NULL,
  unit_id {blob} NOT NULL, endpoint_id {blob}, opened_at {int} NOT NULL, detected_at {int} NOT NULL,
  closed_at {int}, owner_id {blob}, owner_name {text} NOT NULL, description {text} NOT NULL,
  search_key {text} NOT NULL, sample {int} NOT NULL, version {int} NOT NULL) {strict};
CREATE INDEX incident_opened ON incident (opened_at, id);
CREATE INDEX incident_unit ON incident (unit_id, state);
CREATE INDEX incident_by_state ON incident (state, opened_at);
-- Append-only.
CREATE TABLE incident_entry (id {blob} NOT NULL PRIMARY KEY, incident_id {blob} NOT NULL, at {int} NOT NULL,
  author_id {blob}, author_name {text} NOT NULL, type {text} NOT NULL, text {text} NOT NULL,
  from_state {text} NOT NULL, to_state {text} NOT NULL) {strict};
CREATE INDEX incident_entry_incident ON incident_entry (incident_id, at);
-- migration 2
-- The text there was is the English one; the pack is read again at start.
ALTER TABLE incident_kind ADD COLUMN first_actions_vi {text} NOT NULL DEFAULT '';
