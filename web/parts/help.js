// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// "?": every key that works on this page.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { listCommands, keyName } from '../lib/keys.js';
import { Dialog } from './dialog.js';

export function KeyHelp({ onClose }) {
	const seen = new Map();
	for (const command of listCommands()) if (command.label) seen.set(keyName(command), command.label);
	const fixed = [['↑ ↓', t('ui.keys.move')], ['Enter', t('ui.keys.open')], ['Page ↑ ↓', t('ui.keys.page')], ['Esc', t('ui.keys.escape')]];
	const rows = [...seen].sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
	return html`<${Dialog} title=${t('ui.keys.title')} onClose=${onClose} wide>
		<div class="dialog-body"><p class="muted">${t('ui.keys.note')}</p>
			<dl class="keys">${[...rows, ...fixed].map(([key, label]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${label}</dd></div>`)}</dl></div>
	<//>`;
}
