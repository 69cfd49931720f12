-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- Kinds come from the pack; loaded at each start.
CREATE TABLE unit_kind (
 kind {text} NOT NULL PRIMARY KEY,
 position {int} NOT NULL,
 label_vi {text} NOT NULL,
 label_en {text} NOT NULL,
 parents {text} NOT NULL
) {strict};
-- path: one label of four hex digits a level, so that a subtree is a prefix.
CREATE TABLE unit (
 id {blob} NOT NULL PRIMARY KEY,
 code {text} NOT NULL UNIQUE,
 kind {text} NOT NULL,
 name {text} NOT NULL,
 search_key {text} NOT NULL,
 sort_key {blob} NOT NULL,
 parent_id {blob} REFERENCES unit (id),
 path {text} NOT NULL UNIQUE,
 next_child {int} NOT NULL,
 valid_from {int} NOT NULL,
 closed_at {int},
 sample {int} NOT NULL,
 version {int} NOT NULL
) {strict};
CREATE INDEX unit_by_parent ON unit (parent_id);
-- What a unit was before each change.
CREATE TABLE unit_past (
 id {blob} NOT NULL PRIMARY KEY,
 unit_id {blob} NOT NULL REFERENCES unit (id),
 code {text} NOT NULL,
 kind {text} NOT NULL,
 name {text} NOT NULL,
 parent_id {blob},
 valid_from {int} NOT NULL,
 valid_to {int} NOT NULL
) {strict};
CREATE INDEX unit_past_by_unit ON unit_past (unit_id, valid_from);
