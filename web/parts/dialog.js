// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Dialogs on the browser's own <dialog>: focus stays inside and returns where it was; Esc closes.
import { html, useRef, useEffect, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { ProblemBox } from './bits.js';
import { Icon } from './icons.js';
import { toast } from './toast.js';

export function Dialog({ title, onClose, wide, className = '', children }) {
	const ref = useRef(null);
	useEffect(() => {
		const before = document.activeElement;
		const node = ref.current;
		node.showModal();
		node.querySelector('[data-first],input,textarea,select')?.focus();
		return () => {
			node.close();
			if (before?.isConnected) before.focus();
		};
	}, []);
	const cancel = (event) => {
		event.preventDefault();
		onClose();
	};
	return html`<dialog ref=${ref} class=${`dialog${wide ? ' wide' : ''} ${className}`} onCancel=${cancel} aria-label=${title}>
		<header><h2>${title}</h2><button type="button" class="ghost small" onClick=${onClose}><${Icon} name="close" />${t('ui.action.close_dialog')}</button></header>
		${children}
	</dialog>`;
}

// Asks before something that hurts: says the consequence in words, and wants the object's name typed where `name` is given.
export function Confirm({ title, consequence, name, reason, action, danger, onDo, onClose }) {
	const [typed, setTyped] = useState('');
	const [text, setText] = useState('');
	const [problem, setProblem] = useState(null);
	const [busy, setBusy] = useState(false);
	const ready = (!name || typed.trim().normalize('NFC').toLowerCase() === name.toLowerCase()) && (!reason || reason.optional || text.trim());
	const submit = async (event) => {
		event.preventDefault();
		if (!ready || busy) return undefined;
		setBusy(true);
		try {
			await onDo(text.trim());
			onClose();
		} catch (error) {
			if (error.status === 202) {
				toast(error.detail);
				return onClose();
			}
			setProblem(error);
			setBusy(false);
		}
		return undefined;
	};
	return html`<${Dialog} title=${title} onClose=${onClose}>
		<form onSubmit=${submit}>
			<div class="dialog-body">
				<p>${consequence}</p>
				${reason && html`<label class="field"><span class="label">${reason.label}</span>
					<textarea data-first rows="3" maxlength="2000" value=${text} onInput=${(e) => setText(e.target.value)}></textarea>
					<span class="hint">${reason.example}</span></label>`}
				${name && html`<label class="field"><span class="label">${t('ui.confirm.type_name', { name })}</span>
					<input autocomplete="off" spellcheck=${false} value=${typed} onInput=${(e) => setTyped(e.target.value)} /></label>`}
				<${ProblemBox} problem=${problem} />
			</div>
			<footer>
				<button type="button" onClick=${onClose}>${t('ui.action.cancel')}</button>
				<button type="submit" class=${danger ? 'danger' : 'primary'} disabled=${!ready || busy}>${action}</button>
			</footer>
		</form>
	<//>`;
}
