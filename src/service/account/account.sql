-- SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
-- migration 1
-- Roles come from the pack; loaded at each start.
CREATE TABLE role (
 role {text} NOT NULL PRIMARY KEY,
 position {int} NOT NULL,
 label_vi {text} NOT NULL,
 label_en {text} NOT NULL,
 shell {text} NOT NULL,
 restrict_kind {text},
 needs_expiry {int} NOT NULL,
 for_machines {int} NOT NULL
) {strict};
CREATE TABLE role_permission (
 role {text} NOT NULL,
 permission {text} NOT NULL,
 PRIMARY KEY (role, permission)
) {strict};
-- kind: person or machine (the holder of a token).
CREATE TABLE account (
 id {blob} NOT NULL PRIMARY KEY,
 kind {text} NOT NULL,
 login {text} NOT NULL UNIQUE,
 display_name {text} NOT NULL,
 search_key {text} NOT NULL,
 sort_key {blob} NOT NULL,
 email {text} NOT NULL,
 phone {text} NOT NULL,
 position {text} NOT NULL,
 unit_id {blob} NOT NULL REFERENCES unit (id),
 password_hash {text},
 must_change {int} NOT NULL,
 disabled {int} NOT NULL,
 sample {int} NOT NULL,
 created_at {int} NOT NULL,
 last_login_at {int} NOT NULL,
 version {int} NOT NULL
) {strict};
CREATE INDEX account_by_unit ON account (unit_id);
-- restrict_kind, restrict_id: the grant counts for one case or for the account's own systems only.
CREATE TABLE account_grant (
 id {blob} NOT NULL PRIMARY KEY,
 account_id {blob} NOT NULL REFERENCES account (id),
 unit_id {blob} NOT NULL REFERENCES unit (id),
 role {text} NOT NULL,
 restrict_kind {text},
 restrict_id {blob},
 expires_at {int},
 created_at {int} NOT NULL,
 created_by {blob}
) {strict};
CREATE INDEX account_grant_by_account ON account_grant (account_id);
CREATE INDEX account_grant_by_unit ON account_grant (unit_id);
-- Only digests of the secrets; previous_digest counts until previous_until, for requests under way at a rotation.
CREATE TABLE account_session (
 id {blob} NOT NULL PRIMARY KEY,
 account_id {blob} NOT NULL REFERENCES account (id),
 digest {blob} NOT NULL UNIQUE,
 previous_digest {blob},
 previous_until {int} NOT NULL,
 rotated_at {int} NOT NULL,
 created_at {int} NOT NULL,
 seen_at {int} NOT NULL,
 peer {text} NOT NULL,
 user_agent {text} NOT NULL
) {strict};
CREATE INDEX account_session_by_account ON account_session (account_id);
CREATE INDEX account_session_by_previous ON account_session (previous_digest);
CREATE TABLE account_token (
 id {blob} NOT NULL PRIMARY KEY,
 account_id {blob} NOT NULL REFERENCES account (id),
 name {text} NOT NULL,
 digest {blob} NOT NULL UNIQUE,
 created_at {int} NOT NULL,
 created_by {blob},
 expires_at {int},
 used_at {int} NOT NULL,
 revoked_at {int}
) {strict};
-- key: "login:…" or "peer:…".
CREATE TABLE account_throttle (
 key {text} NOT NULL PRIMARY KEY,
 failures {int} NOT NULL,
 last_at {int} NOT NULL
) {strict};
CREATE TABLE account_setup_code (
 digest {blob} NOT NULL PRIMARY KEY,
 created_at {int} NOT NULL
) {strict};
-- One row at most: set-up happens once.
CREATE TABLE account_setup_done (
 id {int} NOT NULL PRIMARY KEY CHECK (id = 1),
 at {int} NOT NULL
) {strict};
-- migration 2
-- A password given by somebody else ends by itself; 0: never.
ALTER TABLE account ADD COLUMN password_until {int} NOT NULL DEFAULT 0;
-- How the session was signed in besides the password: "", totp, code, passkey.
ALTER TABLE account_session ADD COLUMN factor {text} NOT NULL DEFAULT '';
ALTER TABLE role ADD COLUMN second_factor {int} NOT NULL DEFAULT 0;
-- sealed: the secret under the key file of core. confirmed_at 0: shown, not yet proven by a code.
CREATE TABLE account_totp (
 account_id {blob} NOT NULL PRIMARY KEY REFERENCES account (id),
 sealed {blob} NOT NULL,
 last_step {int} NOT NULL,
 created_at {int} NOT NULL,
 confirmed_at {int} NOT NULL
) {strict};
-- kind: recovery (one's own), paper (printed by an officer of the city). Only digests.
CREATE TABLE account_code (
 id {blob} NOT NULL PRIMARY KEY,
 account_id {blob} NOT NULL REFERENCES account (id),
 kind {text} NOT NULL,
 digest {blob} NOT NULL,
 created_at {int} NOT NULL,
 expires_at {int} NOT NULL,
 used_at {int} NOT NULL,
 UNIQUE (account_id, digest)
) {strict};
CREATE TABLE account_passkey (
 id {blob} NOT NULL PRIMARY KEY,
 account_id {blob} NOT NULL REFERENCES account (id),
 credential_id {blob} NOT NULL UNIQUE,
 public_key {blob} NOT NULL,
 rp_id {text} NOT NULL,
 name {text} NOT NULL,
 sign_count {int} NOT NULL,
 created_at {int} NOT NULL,
 used_at {int} NOT NULL
) {strict};
CREATE INDEX account_passkey_by_account ON account_passkey (account_id);
-- A step of signing in or of adding a passkey that waits for its answer. account_id is absent while nobody is known.
CREATE TABLE account_ticket (
 digest {blob} NOT NULL PRIMARY KEY,
 purpose {text} NOT NULL,
 account_id {blob},
 challenge {blob} NOT NULL,
 tries {int} NOT NULL,
 expires_at {int} NOT NULL
) {strict};
