// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Who is signed in and what they may do. null: not known yet; false: nobody.
import { createStore, useStore } from './store.js';
import { get, post, Problem } from './api.js';

export const session = createStore(null);
export const useSession = () => useStore(session);

// Set while a signed-in person's session has ended: a dialog asks for the password and the page keeps its work.
export const expired = createStore(false);

export async function loadSession() {
	try {
		session.set(await get('/session', null, { quiet: true }));
		expired.set(false);
	} catch (error) {
		if (!(error instanceof Problem) || error.status !== 401) throw error;
		session.set(false);
	}
	return session.get();
}

// null when signed in; else what the second step needs: {ticket, totp, paper, recovery, passkey}.
export async function login(name, password) {
	const answer = await post('/login', { login: name, password }, { quiet: true });
	if (answer.second_factor) return answer.second_factor;
	await loadSession();
	return null;
}

export async function loginSecond(proof) {
	await post('/login/second', proof, { quiet: true });
	return loadSession();
}

export async function loginSecondPasskey({ ticket, passkey }) {
	const { usePasskey } = await import('./passkey.js');
	return loginSecond(await usePasskey(ticket, passkey));
}

export async function loginPasskey() {
	const { ticket, passkey } = await post('/login/passkey/options', undefined, { quiet: true });
	const { usePasskey } = await import('./passkey.js');
	await post('/login/passkey', await usePasskey(ticket, passkey), { quiet: true });
	return loadSession();
}

export async function logout() {
	await post('/logout');
	session.set(false);
}

export const can = (permission) => !permission || Boolean(session.get() && session.get().permissions.includes(permission));

// A page that is open to all stands in the menu of those only who have something to do there: one of `menu`.
export const listed = (page) => can(page.permission) && (!page.menu || page.menu.some(can));

// A passkey belongs to a name; an address has none.
export const passkeysHere = () => Boolean(window.PublicKeyCredential) && isSecureContext && !/^[\d.]+$|^\[/.test(location.hostname);
