// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Lãnh đạo: one page.
export const shell = {
	home: '/leader',
	theme: 'light',
	nav: ['/leader', '/incidents', '/endpoints', '/units'],
};
