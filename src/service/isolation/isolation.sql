-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- The pack, as it was read at the last start.
CREATE TABLE isolation_setting (name {text} NOT NULL PRIMARY KEY, value {text} NOT NULL) {strict};
CREATE TABLE isolation_cause (position {int} NOT NULL PRIMARY KEY, id {text} NOT NULL UNIQUE, label_vi {text} NOT NULL,
  label_en {text} NOT NULL, sentence_vi {text} NOT NULL, sentence_en {text} NOT NULL) {strict};
