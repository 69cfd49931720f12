// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What the parts of the page of rules share.
import { html } from '../lib/html.js';
import { t, hasText } from '../lib/i18n.js';
import { post } from '../lib/api.js';
import { Severity } from './bits.js';
import { toast } from './toast.js';
import { number } from '../lib/format.js';

export const LEVELS = ['critical', 'high', 'medium', 'low', 'informational'];

export const Level = ({ value }) => (value === 'informational' ? html`<span class="muted">${t('ui.rule.level.informational')}</span>` : html`<${Severity} value=${value} />`);

// Switches rules and offers the way back.
export async function switchRules(body) {
	const done = await post('/rules/switch', body);
	toast(t(body.enabled ? 'ui.rule.switched_on' : 'ui.rule.switched_off', { count: number(done.changed) }), {
		undo: done.changed > 0 ? () => post(`/rules/switch/${done.undo}/undo`) : undefined,
	});
	return done;
}

export const levelText = (value) => (hasText(`ui.rule.level.${value}`) ? t(`ui.rule.level.${value}`) : value);
