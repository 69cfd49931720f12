// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
import { addTexts } from './lib/i18n.js';

// Every page of the console: a new one is a file in pages/ and a line here; the file
// exports the component as default. `texts` names its message files (pages/x_messages.yaml), `nav` the entry
// that is lit for it, `menu` the permissions of which one puts a page open to all into the menu.
export const pages = [
	{ path: '/today', file: 'today', texts: ['today'], title: 'ui.page.today', icon: 'home', alt: 'H' },
	{ path: '/overview', file: 'overview', texts: ['overview'], title: 'ui.page.overview', icon: 'overview', alt: 'O', permission: 'alert.read' },
	{ path: '/leader', file: 'leader', texts: ['leader', 'overview'], title: 'ui.page.leader', icon: 'overview', alt: 'L', permission: 'endpoint.read' },
	{ path: '/alerts', file: 'alerts', texts: ['alert', 'isolation'], title: 'ui.page.alerts', icon: 'alert', alt: 'C', permission: 'alert.read', children: ['/suppressions', '/shifts'] },
	{ path: '/alerts/:id', file: 'alerts', texts: ['alert', 'isolation'], nav: '/alerts', permission: 'alert.read' },
	{ path: '/suppressions', file: 'suppressions', texts: ['alert', 'shift'], title: 'ui.page.suppressions', icon: 'alert', permission: 'alert.read' },
	{ path: '/shifts', file: 'shifts', texts: ['shift'], title: 'ui.page.shifts', icon: 'person', permission: 'shift.read' },
	{ path: '/handovers/:id', file: 'handover', texts: ['shift'], nav: '/shifts', permission: 'shift.read' },
	{ path: '/incidents', file: 'incidents', texts: ['incident'], title: 'ui.page.incidents', icon: 'incident', alt: 'S', permission: 'incident.read' },
	{ path: '/incidents/new', file: 'incident_new', texts: ['incident'], nav: '/incidents', permission: 'incident.write' },
	{ path: '/incidents/:id', file: 'incident', texts: ['incident', 'timeline'], nav: '/incidents', permission: 'incident.read' },
	{ path: '/endpoints', file: 'endpoints', texts: ['endpoint', 'isolation'], title: 'ui.page.endpoints', icon: 'endpoint', alt: 'M', permission: 'endpoint.read' },
	{ path: '/endpoints/:id', file: 'endpoint', texts: ['endpoint', 'timeline', 'isolation'], nav: '/endpoints', permission: 'endpoint.read' },
	{ path: '/search', file: 'search', texts: ['search'], title: 'ui.page.search', icon: 'search', alt: 'N', menu: ['event.read'] },
	{ path: '/malware', file: 'malware', texts: ['malware', 'rollout'], title: 'ui.page.malware', icon: 'malware', alt: 'T', permission: 'protection.read' },
	{ path: '/units', file: 'units', texts: ['units'], title: 'ui.page.units', icon: 'unit', alt: 'V', permission: 'unit.read' },
	{ path: '/enrol', file: 'enrol', texts: ['enrol'], title: 'ui.page.enrol', icon: 'plus', alt: 'I', permission: 'endpoint.enrol' },
	{ path: '/admin', file: 'admin', title: 'ui.page.admin', icon: 'admin', alt: 'Q', children: ['/units', '/accounts', '/tokens', '/sources', '/storage', '/approvals', '/enrol', '/rules', '/audit', '/status'] },
	{ path: '/accounts', file: 'accounts', texts: ['factor'], title: 'ui.page.accounts', icon: 'person', permission: 'account.read' },
	{ path: '/accounts/:id', file: 'accounts', texts: ['factor'], nav: '/accounts', permission: 'account.read' },
	{ path: '/approvals', file: 'approvals', texts: ['approval'], title: 'ui.page.approvals', icon: 'check', menu: ['account.manage', 'account.reset', 'endpoint.write', 'endpoint.isolate', 'protection.quarantine', 'protection.release'] },
	{ path: '/tokens', file: 'tokens', texts: ['factor'], title: 'ui.page.tokens', icon: 'key', permission: 'token.manage' },
	{ path: '/sources', file: 'sources', texts: ['sources'], title: 'ui.page.sources', icon: 'log', permission: 'source.read' },
	{ path: '/sources/:id', file: 'sources', texts: ['sources'], nav: '/sources', permission: 'source.read' },
	{ path: '/storage', file: 'storage', texts: ['storage'], title: 'ui.page.storage', icon: 'log', permission: 'source.read' },
	{ path: '/rules', file: 'rules', texts: ['rule'], title: 'ui.page.rules', icon: 'check', permission: 'rule.read' },
	{ path: '/rules/:id', file: 'rules', texts: ['rule'], nav: '/rules', permission: 'rule.read' },
	{ path: '/audit', file: 'audit', texts: ['audit'], title: 'ui.page.audit', icon: 'log', permission: 'audit.read' },
	{ path: '/status', file: 'status', title: 'ui.page.status', icon: 'pulse', permission: 'system.read' },
	{ path: '/me', file: 'me', texts: ['factor'], title: 'ui.page.me', icon: 'person' },
];

export const load = (page) => Promise.all([import(`./pages/${page.file}.js`), addTexts(page.texts)]).then(([module]) => module);
