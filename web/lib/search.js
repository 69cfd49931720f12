// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Search that ignores case and diacritics: "nguyen van hai" finds "Nguyễn Văn Hải". The server folds in the same way.
export const fold = (text) => text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/[\u0111\u0110]/g, 'd').toLowerCase();

// All words of the query must occur in the folded text.
export function matcher(query) {
	const words = fold(query).split(/\s+/).filter(Boolean);
	return (folded) => words.every((word) => folded.includes(word));
}

let collator;
export function compare(a, b) {
	if (typeof a === 'number' && typeof b === 'number') return a - b;
	if (a === b) return 0;
	if (a === null || a === undefined || a === '') return 1;
	if (b === null || b === undefined || b === '') return -1;
	collator ??= new Intl.Collator('vi', { numeric: true });
	return collator.compare(String(a), String(b));
}
