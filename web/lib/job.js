// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Background work of the server, followed to its end.
import { get } from './api.js';
import { t } from './i18n.js';

// Its failure as a sentence, or null. onStep: {done, total} every half second.
export async function follow(job, onStep) {
	for (let turn = 0; turn < 600; turn++) {
		const state = await get(`/jobs/${job}`).catch(() => null);
		if (!state || state.state === 'done') return null;
		if (state.state === 'failed' || state.state === 'cancelled') return state.error?.detail ?? t('ui.job.failed');
		onStep?.(state);
		await new Promise((wake) => setTimeout(wake, 500));
	}
	return t('ui.job.failed');
}
