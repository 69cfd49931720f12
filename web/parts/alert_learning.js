// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What is met here for the first time while a city, a log source or a rule is new: one line a tactic, which opens into its rules.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { href, useRoute } from '../lib/router.js';
import { Severity, Ago } from './bits.js';

const FEW = 5;

export const learningTitle = (tactic) => t('ui.alert.learning', { tactic: t(`ui.alert.tactic.${(tactic ?? 'none').replaceAll('-', '_')}`) });

// `lead`: of the line that is open now.
export function Learning({ learning, lead }) {
	const { query } = useRoute();
	const [all, setAll] = useState(false);
	const shown = all ? learning.items : learning.items.slice(0, FEW);
	return html`<section class="panel learning"><h2>${learningTitle(learning.tactic)}</h2>
		<p>${t('ui.alert.learning_why', { days: learning.days, rules: learning.total, alerts: number(learning.alerts), machines: number(learning.machines) })}</p>
		<details><summary>${t('ui.alert.learning_apart')}</summary><p>${t('ui.alert.learning_apart_text')}</p></details>
		<table class="plain-table"><tbody>${shown.map((one) => html`<tr key=${one.id} aria-current=${one.id === lead ? 'true' : null}>
			<td><${Severity} value=${one.severity} /></td><td><a href=${href(`/alerts/${one.id}`, Object.fromEntries(query))}>${one.what ?? one.title}</a>${one.what && html` <span class="muted">${one.title}</span>`}</td>
			<td class="right">${t('ui.alert.line_machines', { count: one.group.machines })}</td><td class="right muted"><${Ago} at=${one.group.last_at} /></td></tr>`)}</tbody></table>
		${learning.items.length > FEW && html`<button type="button" class="small ghost" aria-expanded=${all ? 'true' : 'false'} onClick=${() => setAll(!all)}>${all ? t('ui.alert.learning_fewer') : t('ui.alert.learning_more', { count: learning.items.length - FEW })}</button>`}
	</section>`;
}
