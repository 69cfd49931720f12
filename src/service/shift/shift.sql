-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
CREATE TABLE shift (id {blob} NOT NULL PRIMARY KEY, unit_id {blob} NOT NULL, account_id {blob} NOT NULL,
  starts_at {int} NOT NULL, ends_at {int} NOT NULL, note {text} NOT NULL, created_at {int} NOT NULL) {strict};
CREATE UNIQUE INDEX shift_person ON shift (account_id, starts_at);
CREATE INDEX shift_time ON shift (ends_at, starts_at);
-- state 0 draft, 1 signed, 2 accepted. facts: what the record said when the note was made; body: what people read and sign.
CREATE TABLE shift_handover (id {blob} NOT NULL PRIMARY KEY, unit_id {blob} NOT NULL, number {int} NOT NULL UNIQUE,
  state {int} NOT NULL, author_id {blob} NOT NULL, author_name {text} NOT NULL, created_at {int} NOT NULL,
  facts {text} NOT NULL, body {text} NOT NULL, digest {text} NOT NULL, signed_at {int}, signed_with {text} NOT NULL,
  accepted_at {int}, accepted_by {blob}, accepted_name {text} NOT NULL, accepted_with {text} NOT NULL,
  accepted_note {text} NOT NULL, version {int} NOT NULL) {strict};
CREATE INDEX shift_handover_time ON shift_handover (created_at, id);
CREATE TABLE shift_number (one {int} NOT NULL PRIMARY KEY, last {int} NOT NULL) {strict};
INSERT INTO shift_number (one, last) VALUES (1, 0);
