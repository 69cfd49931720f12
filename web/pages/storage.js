// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The event store: how full it is and for how long it lasts, who fills it, and what it would not take.
import { html, useState } from '../lib/html.js';
import { t, hasText } from '../lib/i18n.js';
import { number, bytes, share, dateTime } from '../lib/format.js';
import { useGet } from '../lib/data.js';
import { post } from '../lib/api.js';
import { follow } from '../lib/job.js';
import { href } from '../lib/router.js';
import { can } from '../lib/session.js';
import { PageHead, Tile, Empty, Loading, ProblemBox, Reason } from '../parts/bits.js';
import { Confirm } from '../parts/dialog.js';
import { toast } from '../parts/toast.js';

const ratio = (whole) => (whole.bytes ? t('ui.storage.ratio_n', { ratio: number(whole.plain_bytes / whole.bytes, 1) }) : '–');
const dayOf = (text) => `${text.slice(6, 8)}/${text.slice(4, 6)}/${text.slice(0, 4)}`;

function Forecast({ whole }) {
	const f = whole.forecast;
	const full = f.days_left !== null;
	const never = f.day_bytes === 0 ? t('ui.storage.nothing_comes') : t('ui.storage.never');
	const soon = full && f.days_left < f.warn_days;
	return html`<section class="panel"><h2>${t('ui.storage.forecast')}</h2>
		<p class=${soon ? 'lead problem-text' : 'lead'}>${full ? t('ui.storage.full_in', { days: number(f.days_left) }) : never}</p>
		<p class="muted">${t(f.days_measured ? 'ui.storage.reckoned' : 'ui.storage.reckoned_today', { days: f.days_measured, size: bytes(f.day_bytes), free: bytes(whole.free_bytes) })}
			${f.settles_bytes > 0 && html` ${t('ui.storage.settles', { size: bytes(f.settles_bytes) })}`} ${t('ui.storage.reckoned_rest', { days: number(f.warn_days) })}</p></section>`;
}

function Whole({ whole }) {
	const f = whole.forecast;
	return html`<div class="tiles">
			<${Tile} value=${f.days_left === null ? '–' : number(f.days_left)} label=${t('ui.storage.days_left')} note=${f.days_left === null ? t(f.day_bytes === 0 ? 'ui.storage.nothing_yet' : 'ui.storage.not_seen') : null} tone=${f.days_left !== null && f.days_left < f.warn_days ? 'bad' : null} />
			<${Tile} value=${bytes(whole.bytes)} label=${t('ui.storage.on_disk')} note=${whole.bytes ? t('ui.storage.plain', { size: bytes(whole.plain_bytes), ratio: ratio(whole) }) : null} />
			<${Tile} value=${number(whole.events)} label=${t('ui.storage.events')} note=${whole.events ? t('ui.storage.per_event', { count: number(whole.bytes / whole.events) }) : null} />
			<${Tile} value=${bytes(whole.free_bytes)} label=${t('ui.storage.free')} note=${t('ui.storage.of_disk', { size: bytes(whole.disk_bytes) })} />
		</div>
		<${Forecast} whole=${whole} />`;
}

const Days = ({ days }) => html`<section class="panel"><h2>${t('ui.storage.by_day')}</h2>
	${days.length ? html`<div class="plain-scroll"><table class="plain-table wide"><thead><tr><th>${t('ui.storage.day')}</th><th class="right">${t('ui.storage.events')}</th><th class="right">${t('ui.storage.before')}</th><th class="right">${t('ui.storage.on_disk')}</th><th class="right">${t('ui.storage.ratio')}</th></tr></thead>
	<tbody>${days.slice(0, 14).map((one) => html`<tr key=${one.day}><td>${dayOf(one.day)}</td><td class="right">${number(one.rows)}</td><td class="right">${bytes(one.plain_bytes)}</td><td class="right">${bytes(one.bytes)}</td><td class="right">${ratio(one)}</td></tr>`)}</tbody></table></div>`
		: html`<${Empty} title=${t('ui.storage.no_days')} />`}</section>`;

function Shares({ by }) {
	const { data, error, reload } = useGet('/storage/shares', { by, days: 7 });
	const classes = useGet(by === 'retention' ? '/source-retention' : null);
	const all = (data?.items ?? []).reduce((sum, one) => sum + one.text_bytes, 0);
	const classOf = (days) => (classes.data?.items ?? []).filter((one) => one.days === days).map((one) => one.label).join('; ');
	const name = (one) => (by === 'retention' ? [t('ui.storage.days', { days: number(one.retention_days) }), classOf(one.retention_days)].filter(Boolean).join(': ') : one.name ?? (hasText(`ui.storage.source.${one.source}`) ? t(`ui.storage.source.${one.source}`) : one.source));
	return html`<section class="panel"><h2>${t(`ui.storage.by.${by}`)}</h2><p class="muted">${t('ui.storage.by_hint')}</p>
		<${ProblemBox} problem=${error} retry=${reload} />
		${!data && !error && html`<${Loading} />`}
		${data && !data.items.length && html`<${Empty} title=${t('ui.storage.no_days')} />`}
		${data?.items.length > 0 && html`<div class="plain-scroll"><table class="plain-table wide"><thead><tr><th>${t(`ui.storage.of.${by}`)}</th><th class="right">${t('ui.storage.events')}</th><th class="right">${t('ui.storage.text')}</th><th class="right">${t('ui.storage.share')}</th></tr></thead>
		<tbody>${data.items.map((one) => html`<tr key=${one.source ?? one.retention_days}><td>${name(one)}</td><td class="right">${number(one.events)}</td><td class="right">${bytes(one.text_bytes)}</td><td class="right">${share(one.text_bytes, all)}</td></tr>`)}</tbody></table></div>`}</section>`;
}

function Dead({ count, reload }) {
	const [asking, setAsking] = useState(false);
	const [running, setRunning] = useState(null);
	const list = useGet('/events/dead', { last: '91d', limit: 100 });
	const again = async () => {
		const { job_id: job, dead } = await post('/events/dead/retry');
		setRunning({ done: 0, total: dead });
		const failed = await follow(job, setRunning);
		setRunning(null);
		const after = await reload();
		await list.reload();
		toast(failed ?? t(after?.dead ? 'ui.storage.again_some' : 'ui.storage.again_all', { taken: number(dead - (after?.dead ?? 0)), left: number(after?.dead ?? 0) }));
	};
	return html`<section class="panel"><header class="panel-head"><h2>${t('ui.storage.dead')}</h2>
			${can('source.write') && count > 0 && html`<button type="button" disabled=${running} onClick=${() => setAsking(true)}>${t('ui.storage.again')}</button>`}</header>
		<p class="muted">${t('ui.storage.dead_hint')}</p>
		${running && html`<p role="status">${t('ui.storage.again_running', { done: number(running.done), total: number(running.total) })}</p>`}
		<${ProblemBox} problem=${list.error} retry=${list.reload} />
		${!list.data && !list.error && html`<${Loading} />`}
		${list.data && !list.data.items.length && html`<${Empty} title=${t('ui.storage.dead_none')} />`}
		${list.data?.items.map((one) => html`<article class="dead" key=${one.id}><${Reason} one=${one} /><p class="muted">${[dateTime(one.received, true), one.unit?.name, one.source].filter(Boolean).join(' · ')}</p><pre>${one.raw}</pre></article>`)}
		${list.data?.next && html`<p class="muted">${t('ui.storage.dead_more', { count: number(count) })}</p>`}
		${asking && html`<${Confirm} title=${t('ui.storage.again')} consequence=${t('ui.storage.again_hint', { count: number(count) })} action=${t('ui.storage.again')} onDo=${async () => { again(); }} onClose=${() => setAsking(false)} />`}
	</section>`;
}

export default function Storage() {
	const { data, error, loading, reload } = useGet('/storage', null, { every: 60000 });
	return html`<div class="page">
		<${PageHead} title=${t('ui.page.storage')} sub=${t('ui.storage.sub')}><a class="button" href=${href('/sources', { tab: 'retention' })}>${t('ui.storage.to_retention')}</a><//>
		${error && html`<${ProblemBox} problem=${error} retry=${reload} /><p class="note">${t('ui.storage.away')}</p>`}
		${!data && loading && !error && html`<${Loading} />`}
		${data?.whole && html`<${Whole} whole=${data.whole} />`}
		${data && !data.whole && html`<p class="note">${t('ui.storage.own_only')}</p>`}
		${data && html`<${Dead} count=${data.dead} reload=${reload} /><${Shares} by="source" /><${Shares} by="retention" />`}
		${data?.whole && html`<${Days} days=${data.whole.days} />`}
	</div>`;
}
