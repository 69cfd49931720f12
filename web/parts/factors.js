// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// My second factors: authenticator app, passkeys, recovery codes.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useGet } from '../lib/data.js';
import { post } from '../lib/api.js';
import { passkeysHere } from '../lib/session.js';
import { makePasskey } from '../lib/passkey.js';
import { Time, Ago, Loading, ProblemBox, Copyable } from './bits.js';
import { Dialog } from './dialog.js';
import { Form, useForm } from './form.js';
import { CodeSheet } from './codes.js';
import { toast } from './toast.js';

const password = (fresh) => (fresh ? [] : [{ name: 'password', type: 'password', label: t('ui.factor.password'), hint: t('ui.factor.password_why'), required: true, autocomplete: 'current-password' }]);

const Qr = ({ qr }) => html`<svg class="qr" role="img" aria-label=${t('ui.factor.qr')} viewBox=${`-4 -4 ${qr.side + 8} ${qr.side + 8}`} shape-rendering="crispEdges"><rect x="-4" y="-4" width=${qr.side + 8} height=${qr.side + 8} fill="#fff" /><path d=${qr.path} fill="#000" /></svg>`;

// One question before a change; straight on where signing in was a moment ago.
function Ask({ title, text, fresh, fields = [], submit, onSubmit, onClose, danger }) {
	const form = useForm({ initial: {}, secret: ['password'] });
	return html`<${Dialog} title=${title} onClose=${onClose}><div class="dialog-body"><p>${text}</p></div>
		<${Form} form=${form} className=${danger ? 'danger-form' : ''} fields=${[...fields, ...password(fresh)]} submit=${submit} onCancel=${onClose} onSubmit=${onSubmit} /><//>`;
}

function AddApp({ fresh, onDone, onClose }) {
	const [secret, setSecret] = useState(null);
	const form = useForm({ initial: { code: '' }, secret: ['code'] });
	if (!secret) return html`<${Ask} title=${t('ui.factor.app_add')} text=${t('ui.factor.app_before')} fresh=${fresh} submit=${t('ui.factor.next')} onClose=${onClose} onSubmit=${async (values) => setSecret(await post('/session/totp', values))} />`;
	const confirm = async (values) => onDone(await post('/session/totp/confirm', values));
	return html`<${Dialog} title=${t('ui.factor.app_add')} onClose=${onClose}>
		<div class="dialog-body"><p>${t('ui.factor.app_scan')}</p><${Qr} qr=${secret.qr} /><p class="muted">${t('ui.factor.app_type')}</p><${Copyable} text=${secret.secret} show=${secret.secret.replace(/(.{4})/g, '$1 ').trim()} /></div>
		<${Form} form=${form} fields=${[{ name: 'code', label: t('ui.factor.app_code'), required: true, autocomplete: 'one-time-code', plain: true, max: 10 }]} submit=${t('ui.factor.confirm')} onCancel=${onClose} onSubmit=${confirm} />
	<//>`;
}

function AddKey({ fresh, onDone, onClose }) {
	const send = async ({ name, ...rest }) => onDone(await post('/session/passkeys', { name, ...(await makePasskey(await post('/session/passkeys/options', rest))) }));
	return html`<${Ask} title=${t('ui.factor.key_add')} text=${t('ui.factor.key_before')} fresh=${fresh} fields=${[{ name: 'name', label: t('ui.factor.key_name'), hint: t('ui.factor.key_name_example'), required: true, max: 60 }]} submit=${t('ui.factor.next')} onClose=${onClose} onSubmit=${send} />`;
}

// after: called when something has changed; only with `first` must there be something to go on.
export function Factors({ after }) {
	const { data, error, reload } = useGet('/session/factors');
	const [dialog, setDialog] = useState(null);
	const [sheet, setSheet] = useState(null);
	const close = () => setDialog(null);
	const changed = async (made) => {
		close();
		if (made?.codes) setSheet(made);
		else await after?.();
		toast(t('ui.factor.saved'));
		await reload();
	};
	const removal = (body, text) => setDialog(html`<${Ask} title=${t('ui.factor.remove')} danger text=${text} fresh=${data.fresh} submit=${t('ui.factor.remove')} onClose=${close} onSubmit=${async (values) => changed(await post('/session/factors/remove', { ...body, ...values }))} />`);
	const renew = () => setDialog(html`<${Ask} title=${t('ui.factor.recovery_new')} text=${t('ui.factor.recovery_new_why')} fresh=${data.fresh} submit=${t('ui.factor.recovery_new')} onClose=${close} onSubmit=${async (values) => changed(await post('/session/recovery-codes', values))} />`);
	if (!data) return error ? html`<${ProblemBox} problem=${error} retry=${reload} />` : html`<${Loading} />`;
	const own = data.totp || data.passkeys.length > 0;
	return html`<div class="factors">
		<ul class="rows">
			<li><span><strong>${t('ui.factor.app')}</strong><br /><span class="muted">${t(data.totp ? 'ui.factor.app_on' : 'ui.factor.app_off')}</span></span>
				${data.totp ? html`<button type="button" class="small danger-quiet" onClick=${() => removal({ kind: 'totp' }, t('ui.factor.app_remove'))}>${t('ui.factor.remove')}</button>`
					: html`<button type="button" class="small primary" onClick=${() => setDialog(html`<${AddApp} fresh=${data.fresh} onDone=${changed} onClose=${close} />`)}>${t('ui.factor.add')}</button>`}</li>
			${data.passkeys.map((key) => html`<li key=${key.id}><span><strong>${t('ui.factor.key')}: ${key.name}</strong><br /><span class="muted">${key.site} · <${Time} at=${key.created_at} />${key.used_at && html` · ${t('ui.factor.key_used')} <${Ago} at=${key.used_at} />`}</span></span>
				<button type="button" class="small danger-quiet" onClick=${() => removal({ kind: 'passkey', id: key.id }, t('ui.factor.key_remove', { name: key.name }))}>${t('ui.factor.remove')}</button></li>`)}
			<li><span><strong>${t('ui.factor.key')}</strong><br /><span class="muted">${t(data.passkey_possible && passkeysHere() ? 'ui.factor.key_hint' : 'ui.factor.key_impossible')}</span></span>
				${data.passkey_possible && passkeysHere() && html`<button type="button" class="small" onClick=${() => setDialog(html`<${AddKey} fresh=${data.fresh} onDone=${changed} onClose=${close} />`)}>${t('ui.factor.add')}</button>`}</li>
			${own && html`<li><span><strong>${t('ui.factor.recovery')}</strong><br /><span class="muted">${t('ui.factor.left', { count: data.recovery_left })}</span></span><button type="button" class="small" onClick=${renew}>${t('ui.factor.recovery_new')}</button></li>`}
			${data.paper_left > 0 && html`<li><span><strong>${t('ui.factor.paper')}</strong><br /><span class="muted">${t('ui.factor.left', { count: data.paper_left })}</span></span></li>`}
		</ul>
		${dialog}
		${sheet && html`<${CodeSheet} sheet=${sheet} title=${t('ui.factor.recovery')} how=${t('ui.factor.recovery_how')} onClose=${async () => { setSheet(null); await after?.(); }} />`}
	</div>`;
}
