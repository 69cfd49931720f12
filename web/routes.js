// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Every page of the console: a new one is a file in pages/ and a line here; the file
// exports the component as default. `nav` is the entry that is lit for it.
export const pages = [
	{ path: '/today', file: 'today', title: 'ui.page.today', icon: 'home', alt: 'H' },
	{ path: '/overview', file: 'overview', title: 'ui.page.overview', icon: 'overview', alt: 'O', permission: 'alert.read' },
	{ path: '/leader', file: 'leader', title: 'ui.page.leader', icon: 'overview', alt: 'L', permission: 'endpoint.read' },
	{ path: '/alerts', file: 'alerts', title: 'ui.page.alerts', icon: 'alert', alt: 'C', permission: 'alert.read' },
	{ path: '/alerts/:id', file: 'alerts', nav: '/alerts', permission: 'alert.read' },
	{ path: '/incidents', file: 'incidents', title: 'ui.page.incidents', icon: 'incident', alt: 'S', permission: 'incident.read' },
	{ path: '/incidents/new', file: 'incident_new', nav: '/incidents', permission: 'incident.write' },
	{ path: '/incidents/:id', file: 'incident', nav: '/incidents', permission: 'incident.read' },
	{ path: '/endpoints', file: 'endpoints', title: 'ui.page.endpoints', icon: 'endpoint', alt: 'M', permission: 'endpoint.read' },
	{ path: '/endpoints/:id', file: 'endpoint', nav: '/endpoints', permission: 'endpoint.read' },
	{ path: '/malware', file: 'malware', title: 'ui.page.malware', icon: 'malware', alt: 'T', permission: 'protection.read' },
	{ path: '/units', file: 'units', title: 'ui.page.units', icon: 'unit', alt: 'V', permission: 'unit.read' },
	{ path: '/enrol', file: 'enrol', title: 'ui.page.enrol', icon: 'plus', alt: 'I', permission: 'endpoint.enrol' },
	{ path: '/admin', file: 'admin', title: 'ui.page.admin', icon: 'admin', alt: 'Q', children: ['/accounts', '/tokens', '/enrol', '/audit', '/status'] },
	{ path: '/accounts', file: 'accounts', title: 'ui.page.accounts', icon: 'person', permission: 'account.read' },
	{ path: '/accounts/:id', file: 'accounts', nav: '/accounts', permission: 'account.read' },
	{ path: '/tokens', file: 'tokens', title: 'ui.page.tokens', icon: 'key', permission: 'token.manage' },
	{ path: '/audit', file: 'audit', title: 'ui.page.audit', icon: 'log', permission: 'audit.read' },
	{ path: '/status', file: 'status', title: 'ui.page.status', icon: 'pulse', permission: 'system.read' },
	{ path: '/me', file: 'me', title: 'ui.page.me', icon: 'person' },
];

export const load = (page) => import(`./pages/${page.file}.js`);
