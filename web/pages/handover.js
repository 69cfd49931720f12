// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One hand-over: edited and signed by the one who leaves, accepted by one who comes.
import { html, useState, useEffect } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { href } from '../lib/router.js';
import { useGet } from '../lib/data.js';
import { patch, post } from '../lib/api.js';
import { can } from '../lib/session.js';
import { useKeys } from '../lib/keys.js';
import { PageHead, State, Time, Facts, Loading, ProblemBox, Severity, SEVERITIES, Copyable } from '../parts/bits.js';
import { Confirm } from '../parts/dialog.js';
import { act } from '../parts/toast.js';

const withWhat = (value) => (value ? t(`ui.handover.with.${value}`) : '');

function Seal({ one }) {
	return html`<${Facts} items=${[
		[t('ui.handover.author'), one.author?.name], [t('ui.handover.made_at'), html`<${Time} at=${one.created_at} />`],
		[t('ui.handover.signed'), one.signed_at && html`<${Time} at=${one.signed_at} /> ${withWhat(one.signed_with)}`],
		[t('ui.handover.accepted'), one.accepted_at && html`${one.accepted_by?.name} <${Time} at=${one.accepted_at} /> ${withWhat(one.accepted_with)}`],
		[t('ui.handover.accepted_note'), one.accepted_note],
		[t('ui.handover.sha256'), one.sha256 && html`<${Copyable} text=${one.sha256} show=${`${one.sha256.slice(0, 16)}…`} />`],
	]} />`;
}

export default function Handover({ id }) {
	const { data: one, error, reload } = useGet(`/handovers/${id}`, null, { events: ['shift.'] });
	const [text, setText] = useState(null);
	const [dialog, setDialog] = useState(null);
	useEffect(() => setText(null), [id]);
	const edits = Boolean(one?.mine && one.state === 'draft' && can('shift.write'));
	const accepts = Boolean(one && !one.mine && one.state === 'signed' && can('shift.write'));
	const dirty = text !== null && text !== one?.body;
	const save = () => act(async () => {
		await patch(`/handovers/${id}`, { body: text.trim().normalize('NFC') }, one.etag);
		await reload();
		setText(null);
	}, t('ui.handover.saved'));
	const sign = async () => {
		let etag = one.etag;
		if (dirty) etag = (await patch(`/handovers/${id}`, { body: text.trim().normalize('NFC') }, etag)).etag;
		await post(`/handovers/${id}/sign`, undefined, { etag });
		setText(null);
		await reload();
	};
	const accept = async (note) => {
		await post(`/handovers/${id}/accept`, { note }, { etag: one.etag });
		await reload();
	};
	useKeys([
		...(edits ? [{ code: 'Digit1', label: t('ui.handover.sign'), run: () => setDialog('sign') }] : []),
		...(accepts ? [{ code: 'Digit1', label: t('ui.handover.accept'), run: () => setDialog('accept') }] : []),
	], [edits, accepts]);
	if (error) return html`<div class="page"><${ProblemBox} problem=${error} retry=${reload} /></div>`;
	if (!one) return html`<${Loading} />`;
	const open = one.facts?.open;
	return html`<div class="page narrow handover">
		<${PageHead} title=${t('ui.handover.number', { number: String(one.number) })} sub=${one.unit?.name} back=${{ href: href('/shifts'), label: t('ui.page.shifts') }}>
			<${State} group="handover" value=${one.state} />
			${edits && dirty && html`<button type="button" onClick=${save}>${t('ui.action.save')}</button>`}
			${edits && html`<button type="button" class="primary" onClick=${() => setDialog('sign')}>${t('ui.handover.sign')}<kbd aria-hidden="true">1</kbd></button>`}
			${accepts && html`<button type="button" class="primary" onClick=${() => setDialog('accept')}>${t('ui.handover.accept')}<kbd aria-hidden="true">1</kbd></button>`}
		<//>
		${one.state === 'signed' && one.mine && html`<p class="note">${t('ui.handover.other_accepts')}</p>`}
		${open && html`<p class="lead sev-line">${SEVERITIES.map((value) => html`<span key=${value}><${Severity} value=${value} /> <b>${number(open[value])}</b></span>`)}</p>`}
		${edits ? html`<label class="field"><span class="label">${t('ui.handover.body')}</span><textarea class="handover-body" rows="18" maxlength="100000" value=${text ?? one.body} onInput=${(e) => setText(e.target.value)}></textarea><span class="hint">${t('ui.handover.body_hint')}</span></label>` : html`<pre class="handover-body">${one.body}</pre>`}
		<section class="panel"><h2>${t('ui.handover.signatures')}</h2><${Seal} one=${one} /><p class="muted">${t('ui.handover.no_pki')}</p></section>
		${dialog === 'sign' && html`<${Confirm} title=${t('ui.handover.sign')} consequence=${t('ui.handover.sign_consequence')} action=${t('ui.handover.sign')} onClose=${() => setDialog(null)} onDo=${sign} />`}
		${dialog === 'accept' && html`<${Confirm} title=${t('ui.handover.accept')} consequence=${t('ui.handover.accept_consequence', { name: one.author?.name ?? '–' })} reason=${{ label: t('ui.handover.accepted_note'), example: t('ui.handover.accepted_example'), optional: true }} action=${t('ui.handover.accept')} onClose=${() => setDialog(null)} onDo=${accept} />`}
	</div>`;
}
