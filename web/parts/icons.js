// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Line icons, always beside a word, never instead of one.
import { html } from '../lib/html.js';

const PATHS = {
	home: 'M3 9l7-6 7 6v8h-5v-5H8v5H3z',
	overview: 'M3 3h6v6H3zM11 3h6v4h-6zM11 9h6v8h-6zM3 11h6v6H3z',
	alert: 'M10 3a5 5 0 0 1 5 5v4l2 3H3l2-3V8a5 5 0 0 1 5-5zM8 17h4',
	incident: 'M4 18V3h10l-2 4 2 4H4',
	endpoint: 'M2 4h16v10H2zM7 17h6M10 14v3',
	malware: 'M10 6a4 4 0 0 1 4 4v3a4 4 0 0 1-8 0v-3a4 4 0 0 1 4-4zM7 4l1.5 2M13 4l-1.5 2M2 9h4M14 9h4M2 14h4M14 14h4',
	unit: 'M8 2h4v4H8zM2 14h4v4H2zM8 14h4v4H8zM14 14h4v4h-4zM10 6v8M4 14v-4h12v4',
	admin: 'M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10 2v3M10 15v3M2 10h3M15 10h3M4.3 4.3l2.2 2.2M13.5 13.5l2.2 2.2M4.3 15.7l2.2-2.2M13.5 6.5l2.2-2.2',
	person: 'M10 3a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM3 18c0-4 3-6 7-6s7 2 7 6',
	key: 'M7 9a4 4 0 1 1 0 .1M10.5 10H18v3M15 10v3',
	plus: 'M10 4v12M4 10h12',
	search: 'M9 3a6 6 0 1 1 0 12A6 6 0 0 1 9 3zM13.5 13.5L18 18',
	copy: 'M7 7h10v10H7zM13 7V3H3v10h4',
	columns: 'M3 3h14v14H3zM8 3v14M13 3v14',
	close: 'M5 5l10 10M15 5L5 15',
	check: 'M4 10l4 4 8-9',
	undo: 'M4 8h9a4 4 0 0 1 0 8H8M4 8l4-4M4 8l4 4',
	download: 'M10 3v9m-4-4l4 4 4-4M4 16h12',
	print: 'M6 8V3h8v5M4 8h12v7h-2v-3H6v3H4zM6 12h8v5H6z',
	shield: 'M10 2l7 3v5c0 4-3 7-7 8-4-1-7-4-7-8V5z',
	log: 'M5 2h10v16H5zM8 6h4M8 10h4M8 14h4',
	pulse: 'M2 10h4l2-6 4 12 2-6h4',
	star: 'M10 3l2.2 4.6 5 .7-3.6 3.5.9 5L10 14.4l-4.5 2.4.9-5L2.8 8.3l5-.7z',
	back: 'M12 4l-6 6 6 6',
	more: 'M4 10h.01M10 10h.01M16 10h.01',
	theme: 'M16 12A7 7 0 0 1 8 4a7 7 0 1 0 8 8z',
	clock: 'M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 6v4l3 2',
	wall: 'M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4',
};

export const Icon = ({ name }) => html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;

// The bamboo rampart.
export const Mark = () => html`<svg class="mark" viewBox="0 0 20 20" aria-hidden="true"><path d="M5 2v16M10 2v16M15 2v16M3.5 7h3M8.5 11h3M13.5 7h3M3.5 14h3M13.5 14h3" /></svg>`;
