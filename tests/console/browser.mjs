// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Debian's Chromium through playwright-core, as an ordinary user with its sandbox on.
import { chromium } from 'playwright-core';

export async function openBrowser(options = {}) {
	if (process.getuid?.() === 0 && !process.env.LUYTRE_BROWSER_AS_ROOT) throw new Error('run this as an ordinary user (tests/console/run.sh does)');
	return chromium.launch({ executablePath: process.env.LUYTRE_CHROMIUM ?? '/usr/bin/chromium', chromiumSandbox: process.env.LUYTRE_NO_SANDBOX ? false : true, args: ['--disable-dev-shm-usage'], ...options });
}
