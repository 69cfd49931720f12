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

export async function login(name, password) {
	await post('/login', { login: name, password }, { quiet: true });
	return loadSession();
}

export async function logout() {
	await post('/logout');
	session.set(false);
}

export const can = (permission) => !permission || Boolean(session.get() && session.get().permissions.includes(permission));
