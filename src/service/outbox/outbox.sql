-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- Numbers are given out by the one row of outbox_head, so that their order is the order of commits.
CREATE TABLE outbox_head (id {int} NOT NULL PRIMARY KEY CHECK (id = 1), number {int} NOT NULL) {strict};
INSERT INTO outbox_head (id, number) VALUES (1, 0);
CREATE TABLE outbox (
 number {int} NOT NULL PRIMARY KEY,
 id {blob} NOT NULL UNIQUE,
 name {text} NOT NULL,
 unit_id {blob},
 permission {text} NOT NULL,
 json {text} NOT NULL,
 at {int} NOT NULL
) {strict};
-- Who reads up to where; `owner` holds it until `until`.
CREATE TABLE outbox_reader (
 name {text} NOT NULL PRIMARY KEY,
 number {int} NOT NULL,
 failures {int} NOT NULL,
 retry_at {int} NOT NULL,
 owner {blob},
 until {int} NOT NULL
) {strict};
-- What a reader could not take in and was passed over, so that the rest could go on.
CREATE TABLE outbox_skipped (
 reader {text} NOT NULL,
 number {int} NOT NULL,
 at {int} NOT NULL,
 reason {text} NOT NULL,
 PRIMARY KEY (reader, number)
) {strict};
