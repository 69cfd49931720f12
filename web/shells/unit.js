// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Xã, đơn vị: what must I do today.
export const shell = {
	home: '/today',
	theme: 'light',
	nav: ['/today', '/endpoints', '/enrol', '/alerts', '/incidents'],
};
