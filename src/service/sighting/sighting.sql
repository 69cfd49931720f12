-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
CREATE TABLE sighting_look (id {int} NOT NULL PRIMARY KEY, bundle_version {int} NOT NULL, at {int} NOT NULL) {strict};
