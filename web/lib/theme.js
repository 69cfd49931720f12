// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Dark for the watch shell, light for the others, unless the person chose.
import { createStore } from './store.js';

const KEY = 'theme';
let byShell = 'light';
export const theme = createStore('light');

function apply() {
	const chosen = localStorage.getItem(KEY);
	const value = chosen === 'dark' || chosen === 'light' ? chosen : byShell;
	document.documentElement.dataset.theme = value;
	theme.set(value);
}

export function setShellTheme(value) {
	byShell = value;
	apply();
}

export function chooseTheme(value) {
	localStorage.setItem(KEY, value);
	apply();
}
