-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- When a unit's canary last came to each end of the chain. The null unit is the server's own.
CREATE TABLE status_canary (unit_id {blob} NOT NULL PRIMARY KEY, handed_at {int} NOT NULL,
  stored_at {int} NOT NULL, scanned_at {int} NOT NULL) {strict};
