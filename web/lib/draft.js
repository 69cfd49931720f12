// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What is typed survives the back button, a reload and a lost session: kept per form in this tab until it is sent.
const PREFIX = 'draft:';

export function readDraft(name) {
	try {
		return JSON.parse(sessionStorage.getItem(PREFIX + name));
	} catch {
		return null;
	}
}

export function writeDraft(name, values) {
	try {
		sessionStorage.setItem(PREFIX + name, JSON.stringify(values));
	} catch {
		/* Storage full or switched off: the page itself still holds the text. */
	}
}

export const dropDraft = (name) => sessionStorage.removeItem(PREFIX + name);

export function dropAllDrafts() {
	for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}
