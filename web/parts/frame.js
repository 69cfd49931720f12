// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What surrounds every page: navigation of the shell, health strip, clock, language, theme, account, watermark of sample data.
import { html, useState, useEffect } from '../lib/html.js';
import { t, lang, setLang } from '../lib/i18n.js';
import { dateTime } from '../lib/format.js';
import { href, go } from '../lib/router.js';
import { useStore } from '../lib/store.js';
import { theme, chooseTheme } from '../lib/theme.js';
import { useKeys, keyName } from '../lib/keys.js';
import { logout, can } from '../lib/session.js';
import { useGet } from '../lib/data.js';
import { dropAllDrafts } from '../lib/draft.js';
import { Icon, Mark } from './icons.js';
import { HealthStrip } from './health.js';
import { Toasts } from './toast.js';
import { KeyHelp } from './help.js';
import { Palette } from './palette.js';

// A menu closes when something else is pressed, when its work is done, and by Esc.
function closeMenus(event) {
	for (const menu of document.querySelectorAll('details.menu[open]')) {
		const inside = menu.contains(event.target);
		if (!inside || event.key === 'Escape' || (event.type === 'click' && menu.classList.contains('copy') && event.target.closest('.menu-body button'))) menu.open = false;
	}
}
for (const type of ['pointerdown', 'click']) addEventListener(type, closeMenus);
addEventListener('keydown', (event) => event.key === 'Escape' && closeMenus(event));

function Clock() {
	const [now, setNow] = useState(Date.now());
	useEffect(() => {
		const timer = setInterval(() => setNow(Date.now()), 10000);
		return () => clearInterval(timer);
	}, []);
	return html`<span class="clock" title=${t('ui.frame.zone')}>${dateTime(now)} GMT+7</span>`;
}

export function LangSwitch() {
	const other = lang() === 'vi' ? 'en' : 'vi';
	return html`<button type="button" class="small ghost" lang=${other} onClick=${() => setLang(other)}>${t('ui.frame.other_language')}</button>`;
}

export function ThemeSwitch() {
	const now = useStore(theme);
	return html`<button type="button" class="small ghost" onClick=${() => chooseTheme(now === 'dark' ? 'light' : 'dark')}><${Icon} name="theme" />${t(now === 'dark' ? 'ui.frame.light' : 'ui.frame.dark')}</button>`;
}

const Watermark = () => html`<div class="watermark" aria-hidden="true">${Array.from({ length: 24 }, (_, i) => html`<span key=${i}>${t('ui.frame.sample')}</span>`)}</div>`;

function NavItem({ item, active, badge }) {
	return html`<a href=${href(item.path)} aria-current=${active ? 'page' : null} title=${item.alt ? `Alt+${item.alt}` : null}><${Icon} name=${item.icon} /><span>${t(item.title)}</span>${badge > 0 && html`<span class="count" title=${t('ui.approval.badge', { count: badge })}>${badge}</span>`}</a>`;
}

function Account({ session, away }) {
	const leave = async () => {
		await logout();
		dropAllDrafts();
		go('/');
	};
	return html`<details class="menu account" key=${away}>
		<summary><${Icon} name="person" /><span class="who"><strong>${session.account.display_name}</strong><small>${session.account.unit?.name}</small></span></summary>
		<div class="menu-body up">
			<a href=${href('/me')}>${t('ui.page.me')}</a>
			<${ThemeSwitch} /><${LangSwitch} />
			<button type="button" class="small ghost" onClick=${leave}>${t('ui.frame.logout')}</button>
		</div>
	</details>`;
}

// Who is on duty, and a hand-over that nobody has accepted yet.
function OnDuty() {
	const now = useGet('/shifts/now', null, { events: ['shift.'], every: 60000 }).data;
	if (!now) return null;
	const names = now.on_duty.map((one) => one.account.name).join(', ');
	return html`<a class="on-duty" href=${href('/shifts')}><span>${names ? t('ui.frame.on_duty', { names }) : t('ui.frame.no_duty')}</span>${now.handover && html`<span class="count">${t('ui.frame.handover')}</span>`}</a>`;
}

export function Frame({ shell, nav, active, pages, session, path, wall, children }) {
	const [dialog, setDialog] = useState(null);
	const items = nav.flatMap((item) => [item, ...(item.children ?? [])]);
	useKeys([
		{ code: 'Slash', shift: true, label: t('ui.keys.help'), run: () => setDialog('help') },
		{ code: 'KeyK', ctrl: true, always: true, label: t('ui.palette.title'), run: () => setDialog('palette') },
		...items.filter((item) => item.alt).map((item) => ({ code: `Key${item.alt}`, alt: true, label: t(item.title), run: () => go(item.path) })),
	], [shell, items.length, session]);
	const close = () => setDialog(null);
	const asked = nav.some((item) => item.path === '/admin');
	const waiting = useGet(asked ? '/approvals' : null, { state: 'waiting', to_decide: 1, limit: 1 }, { events: ['approval.'], every: 60000 }).data?.total ?? 0;
	const open = nav.find((item) => item.path === active || item.children?.some((child) => child.path === active));
	return html`<div class=${`frame shell-${shell}${wall ? ' wall' : ''}`}>
		<a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); document.getElementById('main').focus(); }}>${t('ui.frame.skip')}</a>
		<aside class="rail">
			<a class="brand" href=${href('/')}><${Mark} /><span>${t('ui.product')}</span></a>
			<button type="button" class="rail-search" onClick=${() => setDialog('palette')}><${Icon} name="search" /><span>${t('ui.frame.find')}</span><kbd>${keyName({ code: 'KeyK', ctrl: true })}</kbd></button>
			<nav aria-label=${t('ui.frame.nav')}>
				${nav.map((item) => html`<div key=${item.path} class="nav-group"><${NavItem} item=${item} badge=${item.children?.some((child) => child.path === '/approvals') && waiting} active=${item.path === active || (item === open && !item.children)} />
					${item.children && item === open && html`<div class="nav-sub">${item.children.map((child) => html`<${NavItem} key=${child.path} item=${child} badge=${child.path === '/approvals' && waiting} active=${child.path === active} />`)}</div>`}</div>`)}
			</nav>
			<div class="rail-foot">
				${can('shift.read') && html`<${OnDuty} />`}
				<button type="button" class="small ghost keys-hint" onClick=${() => setDialog('help')}><kbd>?</kbd> ${t('ui.keys.title')}</button>
				<${Clock} />
				<${Account} session=${session} away=${path} />
			</div>
		</aside>
		<div class="body">
			<${HealthStrip} />
			<main id="main" tabindex="0">${children}</main>
			<footer class="label-line"><span>${t('ui.frame.label')}</span>${session.sample && html`<strong>${t('ui.frame.sample')}</strong>`}</footer>
		</div>
		${session.sample && html`<${Watermark} />`}
		<${Toasts} />
		${dialog === 'help' && html`<${KeyHelp} onClose=${close} />`}
		${dialog === 'palette' && html`<${Palette} pages=${pages} onClose=${close} />`}
	</div>`;
}
