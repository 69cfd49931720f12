// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Passkeys (Web Authentication): what the server asks in, what the browser's authenticator answers out, as base64url.
import { Problem } from './api.js';
import { t } from './i18n.js';

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const keys = (ids) => ids.map((id) => ({ type: 'public-key', id: bytes(id) }));

async function asked(run) {
	try {
		return await run();
	} catch (error) {
		if (!(error instanceof DOMException)) throw error;
		throw new Problem({ status: 400, detail: t('ui.login.passkey_failed'), key: `console.passkey.${error.name}` });
	}
}

export async function makePasskey(o) {
	const made = await asked(() => navigator.credentials.create({ publicKey: {
		challenge: bytes(o.challenge), rp: { id: o.rp_id, name: t('ui.product') },
		user: { id: bytes(o.user_id), name: o.login, displayName: o.display_name },
		pubKeyCredParams: [{ type: 'public-key', alg: -7 }], excludeCredentials: keys(o.credentials),
		authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' }, attestation: 'none', timeout: 120000,
	} }));
	return { ticket: o.ticket, client_data: text(made.response.clientDataJSON), authenticator_data: text(made.response.getAuthenticatorData()) };
}

export async function usePasskey(ticket, o) {
	const used = await asked(() => navigator.credentials.get({ publicKey: {
		challenge: bytes(o.challenge), rpId: o.rp_id, allowCredentials: keys(o.credentials), userVerification: 'required', timeout: 120000,
	} }));
	return { ticket, credential_id: text(used.rawId), client_data: text(used.response.clientDataJSON), authenticator_data: text(used.response.authenticatorData), signature: text(used.response.signature) };
}
