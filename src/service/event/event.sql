-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- unit_id: shared with whoever may read that unit's events; NULL: the owner's own. state: what the page needs to open it again, JSON.
CREATE TABLE saved_search (id {blob} NOT NULL PRIMARY KEY, owner_id {blob} NOT NULL, owner_name {text} NOT NULL,
  unit_id {blob}, name {text} NOT NULL, sort_key {blob} NOT NULL, query {text} NOT NULL, state {text} NOT NULL,
  created_at {int} NOT NULL) {strict};
CREATE INDEX saved_search_owner ON saved_search (owner_id);
CREATE INDEX saved_search_unit ON saved_search (unit_id);
