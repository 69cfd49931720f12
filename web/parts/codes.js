// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Codes that are shown once: a sheet to print on A4 or to copy.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { dateTime } from '../lib/format.js';
import { Dialog } from './dialog.js';
import { Copyable } from './bits.js';

export function CodeSheet({ sheet, title, how, onClose }) {
	return html`<${Dialog} title=${title} wide onClose=${onClose}>
		<div class="dialog-body sheet">
			<h2 class="sheet-title">${t('ui.product')} · ${title}</h2>
			<p>${t('ui.factor.sheet_for', { name: sheet.display_name, login: sheet.login })}<br />${t('ui.factor.sheet_printed', { time: dateTime(sheet.printed_at) })}${sheet.expires_at && ` · ${t('ui.factor.sheet_until', { time: dateTime(sheet.expires_at) })}`}</p>
			<p>${how}</p>
			<ol class="codes">${sheet.codes.map((code) => html`<li key=${code}><code>${code}</code></li>`)}</ol>
			<p class="muted">${t('ui.factor.sheet_once')}</p>
			<div class="actions left"><button type="button" class="primary" onClick=${() => print()}>${t('ui.factor.print')}</button><${Copyable} text=${sheet.codes.join('\n')} show=${t('ui.factor.copy_all')} /><button type="button" class="kept" onClick=${onClose}>${t('ui.factor.kept')}</button></div>
		</div>
	<//>`;
}
