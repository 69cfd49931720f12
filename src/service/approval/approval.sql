-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- From the pack at each start.
CREATE TABLE approval_rule (
 action {text} NOT NULL PRIMARY KEY,
 position {int} NOT NULL,
 is_on {int} NOT NULL,
 hours {int} NOT NULL,
 label_vi {text} NOT NULL,
 label_en {text} NOT NULL
) {strict};
-- state: waiting, approved (being carried out), done, failed, refused, withdrawn, expired.
CREATE TABLE approval (
 id {blob} NOT NULL PRIMARY KEY,
 action {text} NOT NULL,
 permission {text} NOT NULL,
 method {text} NOT NULL,
 target {text} NOT NULL,
 body {text} NOT NULL,
 if_match {text} NOT NULL,
 digest {blob} NOT NULL,
 object_type {text} NOT NULL,
 object_id {blob},
 unit_id {blob} NOT NULL REFERENCES unit (id),
 label {text} NOT NULL,
 reason {text} NOT NULL,
 asked_by {blob} NOT NULL REFERENCES account (id),
 asked_at {int} NOT NULL,
 expires_at {int} NOT NULL,
 state {text} NOT NULL,
 decided_by {blob},
 decided_at {int},
 note {text} NOT NULL,
 error_key {text} NOT NULL
) {strict};
CREATE INDEX approval_by_state ON approval (state, expires_at);
CREATE INDEX approval_by_unit ON approval (unit_id);
