// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// A bar chart that answers the question in its title; each bar is a link to its rows.
import { html } from '../lib/html.js';
import { number } from '../lib/format.js';

// rows: [{key, value, label, title, to}]
export function Bars({ rows, label }) {
	const most = Math.max(1, ...rows.map((row) => row.value));
	return html`<div class="bars" role="list" aria-label=${label}>
		${rows.map((row, i) => html`<a key=${row.key} role="listitem" href=${row.to} title=${row.title} aria-label=${row.title} class=${row.value ? '' : 'zero'}>
			<span class="bar" style=${{ height: `${(row.value / most) * 100}%` }}></span>
			${(i % 4 === 0 || rows.length < 9) && html`<span class="bar-label" aria-hidden="true">${row.label}</span>`}
		</a>`)}
		<span class="bars-most" aria-hidden="true">${number(most)}</span>
	</div>`;
}

// A share as a line under its words: 0…1.
export const Meter = ({ value, tone }) => html`<span class=${`meter ${tone ?? ''}`} aria-hidden="true"><i style=${{ width: `${Math.round(Math.max(0, Math.min(1, value)) * 100)}%` }}></i></span>`;
