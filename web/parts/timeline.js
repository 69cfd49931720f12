// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What happened, oldest on top (an investigation reads forwards), with day separators and markers where nothing was heard.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { date, time } from '../lib/format.js';
import { Empty } from './bits.js';

// items: [{id, at, author, type, text, from, to}]; newest: queues read backwards.
export function Timeline({ items, newest = false, label }) {
	const sorted = [...(items ?? [])].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
	if (newest) sorted.reverse();
	if (!sorted.length) return html`<${Empty} title=${t('ui.timeline.empty')} />`;
	let day = null;
	return html`<ol class="timeline" aria-label=${label ?? t('ui.timeline.title')}>
		${sorted.map((item) => {
			const today = date(item.at);
			const head = today !== day && html`<li class="day" key=${`day${today}`}>${today}</li>`;
			day = today;
			const gap = item.type === 'gap' || item.type === 'silent';
			return html`${head}<li key=${item.id ?? item.at} class=${gap ? 'gap' : `event event-${item.type ?? 'note'}`}>
				<time datetime=${item.at} title=${`${today} ${time(item.at, true)} GMT+7`}>${time(item.at)}</time>
				<div><p class="text">${item.text}</p>${item.note && html`<p class="text muted">${item.note}</p>`}${item.author && html`<p class="muted">${typeof item.author === 'string' ? item.author : item.author.name}</p>`}</div>
			</li>`;
		})}
	</ol>`;
}
