-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
CREATE TABLE audit_head (id {int} NOT NULL PRIMARY KEY CHECK (id = 1), number {int} NOT NULL, hash {blob} NOT NULL) {strict};
CREATE TABLE audit (
 number {int} NOT NULL PRIMARY KEY,
 at {int} NOT NULL,
 account_id {blob},
 account_name {text} NOT NULL,
 kind {text} NOT NULL,
 peer {text} NOT NULL,
 action {text} NOT NULL,
 object_type {text} NOT NULL,
 object_id {blob},
 unit_id {blob},
 details {text} NOT NULL,
 hash {blob} NOT NULL,
 search_key {text} NOT NULL
) {strict};
CREATE INDEX audit_by_object ON audit (object_id, number);
CREATE INDEX audit_by_account ON audit (account_id, number);
CREATE INDEX audit_by_action ON audit (action, number);
