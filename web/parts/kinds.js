// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Kinds of incidents as the pack lists them, for forms and sentences.
import { t } from '../lib/i18n.js';

export function kindGroups(kinds) {
	return (kinds?.groups ?? []).map((group) => ({ label: group.label, options: group.kinds.map((kind) => ({ value: kind.id, label: kind.label })) }));
}

export function kindLabel(kinds, id) {
	for (const group of kinds?.groups ?? []) for (const kind of group.kinds) if (kind.id === id) return kind.label;
	return id ?? '–';
}

// What the pack says to do first, as a list.
export function firstActions(kinds, id) {
	for (const group of kinds?.groups ?? []) for (const kind of group.kinds) if (kind.id === id) return (kind.first_actions ?? '').split(';').map((step) => step.trim()).filter(Boolean);
	return [];
}

// "Other" kinds must be said in words.
export const otherField = (kind) => (kind?.endsWith('.other') ? [{ name: 'other_label', label: t('ui.incident.other_label'), required: true, max: 300 }] : []);
