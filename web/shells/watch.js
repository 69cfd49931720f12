// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Trực giám sát: the queue. Dark unless the person chose otherwise.
export const shell = {
	home: '/overview',
	theme: 'dark',
	nav: ['/overview', '/alerts', '/search', '/incidents', '/endpoints', '/malware', '/admin'],
};
