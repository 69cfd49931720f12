-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- Days since 1970-01-01 in Vietnamese time.
CREATE TABLE history_day (day {int} NOT NULL PRIMARY KEY, at {int} NOT NULL) {strict};
-- A count that is not there is 0.
CREATE TABLE history_count (day {int} NOT NULL, unit_id {blob} NOT NULL, name {text} NOT NULL,
  value {int} NOT NULL, PRIMARY KEY (day, name, unit_id)) {strict};
