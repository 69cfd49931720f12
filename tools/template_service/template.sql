-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- Numbered, forward only: a change of the schema is the next migration, never an edit of this one.
CREATE TABLE template (
 id {blob} NOT NULL PRIMARY KEY,
 unit_id {blob} NOT NULL,
 text {text} NOT NULL,
 search_key {text} NOT NULL,
 at {int} NOT NULL
) {strict};
CREATE INDEX template_by_unit ON template (unit_id, at);
