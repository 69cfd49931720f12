// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Copies the libraries that browsers load from node_modules into web/vendor/ (which git ignores), and rewrites the
// bare import of "preact" to a path, since an import map would have to be an inline script.
// usage: node web/vendor.mjs [TARGET_DIR]
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = dirname(fileURLToPath(import.meta.url));
const modules = join(web, '..', 'node_modules');
const target = process.argv[2] ?? join(web, 'vendor');

const files = [
	{ from: 'preact/dist/preact.mjs', to: 'preact.mjs' },
	{ from: 'preact/hooks/dist/hooks.mjs', to: 'hooks.mjs' },
	{ from: 'htm/dist/htm.mjs', to: 'htm.mjs' },
];
const licences = [
	{ from: 'preact/LICENSE', to: 'preact.LICENSE' },
	{ from: 'htm/LICENSE', to: 'htm.LICENSE' },
];

mkdirSync(target, { recursive: true });
for (const file of files) {
	const text = readFileSync(join(modules, file.from), 'utf8')
		.replace(/from\s*"preact"/g, 'from"./preact.mjs"')
		.replace(/\n?\/\/# sourceMappingURL=.*$/m, '');
	writeFileSync(join(target, file.to), text);
}
for (const file of licences) copyFileSync(join(modules, file.from), join(target, file.to));
