// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Forms: one column, label above, example below, the error beside its field; what is typed is kept until it is sent.
import { html, useState, useRef, useId } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { readDraft, writeDraft, dropDraft } from '../lib/draft.js';
import { parseDateTime } from '../lib/format.js';
import { ProblemBox } from './bits.js';
import { toast } from './toast.js';

// secret: names that never go into a draft.
export function useForm({ draft, initial, secret = [] }) {
	const [values, setValues] = useState(() => ({ ...initial, ...(draft ? readDraft(draft) : null) }));
	const [errors, setErrors] = useState({});
	const [problem, setProblem] = useState(null);
	const [busy, setBusy] = useState(false);
	const node = useRef(null);
	const set = (name, value) => {
		setValues((old) => {
			const next = { ...old, [name]: value };
			if (draft) writeDraft(draft, Object.fromEntries(Object.entries(next).filter(([key]) => !secret.includes(key))));
			return next;
		});
		setErrors((old) => (old[name] ? { ...old, [name]: null } : old));
	};
	const reset = (next = initial) => {
		if (draft) dropDraft(draft);
		setValues(next);
		setErrors({});
		setProblem(null);
	};
	const focusFirst = () => requestAnimationFrame(() => node.current?.querySelector('[aria-invalid=true]')?.focus());
	const submit = async (fields, run) => {
		const found = {};
		for (const field of fields) {
			const value = values[field.name];
			if (field.required && (value === undefined || value === null || String(value).trim() === '')) found[field.name] = t('ui.form.required');
			else if (field.type === 'datetime' && value && !parseDateTime(value)) found[field.name] = t('ui.form.bad_time');
			else if (field.check && value) found[field.name] = field.check(value, values);
		}
		const bad = Object.values(found).some(Boolean);
		setErrors(found);
		setProblem(null);
		if (bad) return focusFirst();
		setBusy(true);
		try {
			await run(clean(values, fields));
			if (draft) dropDraft(draft);
		} catch (error) {
			if (error.detail === undefined) throw error;
			if (error.field && fields.some((field) => field.name === error.field)) {
				setErrors({ [error.field]: error.detail });
				focusFirst();
			} else {
				setProblem(error);
				// A long form in a dialog: below what is seen.
				requestAnimationFrame(() => node.current?.querySelector('.problem')?.scrollIntoView({ block: 'nearest' }));
			}
		}
		setBusy(false);
		return undefined;
	};
	return { values, set, errors, problem, busy, submit, reset, node };
}

// Trimmed, in NFC, times as RFC 3339; empty values are left out.
function clean(values, fields) {
	const out = {};
	for (const field of fields) {
		let value = values[field.name];
		if (value === undefined || value === null || value === '') continue;
		if (field.type === 'datetime') value = parseDateTime(value);
		else if (field.type === 'number') value = Number(value);
		else if (typeof value === 'string' && field.type !== 'password') value = value.trim().normalize('NFC');
		if (field.type === 'pick' && value && typeof value === 'object') value = value.id;
		out[field.name] = value;
	}
	return out;
}

function Control({ field, form, id, described }) {
	const value = form.values[field.name] ?? '';
	const common = {
		id, name: field.name, disabled: field.disabled, 'aria-invalid': form.errors[field.name] ? 'true' : null,
		'aria-required': field.required ? 'true' : null, 'aria-describedby': described,
		onInput: (event) => form.set(field.name, event.target.value),
	};
	if (field.type === 'textarea') return html`<textarea ...${common} rows=${field.rows ?? 4} maxlength=${field.max ?? 4000} value=${value}></textarea>`;
	if (field.type === 'select') {
		return html`<select ...${common} onChange=${common.onInput} value=${value}>
			${!field.noEmpty && html`<option value="">${t('ui.form.choose')}</option>`}
			${field.groups
				? field.groups.map((group) => html`<optgroup label=${group.label}>${group.options.map((o) => html`<option value=${o.value} selected=${o.value === value}>${o.label}</option>`)}</optgroup>`)
				: field.options.map((o) => html`<option value=${o.value} selected=${o.value === value}>${o.label}</option>`)}
		</select>`;
	}
	if (field.type === 'radio') {
		return html`<div class="radios" role="radiogroup" aria-describedby=${described} id=${id}>${field.options.map(
			(o) => html`<label class="radio"><input type="radio" name=${field.name} value=${o.value} checked=${o.value === value} onChange=${common.onInput} />${o.view ?? o.label}</label>`)}</div>`;
	}
	if (field.type === 'pick') return html`<${field.picker} ...${common} value=${form.values[field.name]} onPick=${(picked) => form.set(field.name, picked)} />`;
	const type = { password: 'password', number: 'number', tel: 'tel' }[field.type] ?? 'text';
	return html`<input ...${common} type=${type} maxlength=${field.max ?? 200} min=${field.min} autocomplete=${field.autocomplete ?? 'off'} spellcheck=${field.spellcheck ?? false}
		autocapitalize=${field.plain ? 'none' : null} placeholder=${field.type === 'datetime' ? t('ui.form.time_pattern') : null} value=${value} />`;
}

export function Field({ field, form }) {
	const id = useId();
	const error = form.errors[field.name];
	const described = [field.hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || null;
	return html`<div class=${`field${error ? ' field-bad' : ''}`}>
		<label class="label" for=${id}>${field.label}${!field.required && !(field.type === 'radio' && field.options.some((one) => one.value === '')) && html` <span class="muted">${t('ui.form.optional')}</span>`}</label>
		<${Control} field=${field} form=${form} id=${id} described=${described} />
		${field.hint && html`<span class="hint" id=${`${id}-hint`}>${field.hint}</span>`}
		${error && html`<span class="error" id=${`${id}-error`} role="alert">${error}</span>`}
	</div>`;
}

// fields: [{name, label, type, required, hint, options, check}]. onSubmit gets the cleaned values and throws Problems.
export function Form({ form, fields, onSubmit, submit, onCancel, children, className = '' }) {
	const orWaiting = async (values) => {
		try {
			await onSubmit(values);
		} catch (error) {
			if (error.status !== 202) throw error;
			toast(error.detail);
			onCancel?.();
		}
	};
	const send = (event) => {
		event.preventDefault();
		if (!form.busy) form.submit(fields, orWaiting);
	};
	return html`<form ref=${form.node} class=${`form ${className}`} noValidate onSubmit=${send}>
		<div class="form-fields">
			${fields.map((field) => html`<${Field} key=${field.name} field=${field} form=${form} />`)}
			${children}
			<${ProblemBox} problem=${form.problem} />
		</div>
		<footer>
			${onCancel && html`<button type="button" onClick=${onCancel}>${t('ui.action.cancel')}</button>`}
			<button type="submit" class="primary" disabled=${form.busy}>${form.busy ? t('ui.form.sending') : submit}</button>
		</footer>
	</form>`;
}
