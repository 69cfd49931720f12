// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Start: texts, session, then the page that the address names, inside the shell that the role decides.
import { html, render, useState, useEffect, useErrorBoundary } from './lib/html.js';
import { startLang, addTexts, useLang, t } from './lib/i18n.js';
import { get, onSignedOut } from './lib/api.js';
import { useRoute, match, go } from './lib/router.js';
import { useSession, loadSession, session, expired, can, listed } from './lib/session.js';
import { useStore } from './lib/store.js';
import { startStream, stopStream } from './lib/stream.js';
import { setShellTheme } from './lib/theme.js';
import { pages, load } from './routes.js';
import { shell as unit } from './shells/unit.js';
import { shell as watch } from './shells/watch.js';
import { shell as leader } from './shells/leader.js';
import { Frame } from './parts/frame.js';
import { Loading, ProblemBox, Empty } from './parts/bits.js';
import { Login, LoginAgain } from './pages/login.js';

const SHELLS = { unit, watch, leader };

const byPath = (path) => pages.find((page) => page.path === path);

function navOf(shell) {
	const entry = (path) => {
		const page = byPath(path);
		const children = page.children?.map(entry).filter(Boolean);
		if (!listed(page) || (page.children && !children.length)) return null;
		return { ...page, children };
	};
	return shell.nav.map(entry).filter(Boolean);
}

function homeOf(shell, nav) {
	return can(byPath(shell.home).permission) ? shell.home : (nav[0]?.path ?? '/me');
}

function find(path) {
	for (const page of pages) {
		const params = match(page.path, path);
		if (params) return { page, params };
	}
	return null;
}

// A page's module, loaded when first needed.
function useModule(page) {
	const [state, setState] = useState({});
	useEffect(() => {
		load(page).then((module) => setState({ module }), () => setState({ failed: true }));
	}, [page.file]);
	return state;
}

function Page({ page, params }) {
	const { module, failed } = useModule(page);
	const [error, retry] = useErrorBoundary();
	if (error) {
		console.error(error);
		return html`<${ProblemBox} problem=${{ detail: t('ui.error.page'), key: 'console.page' }} retry=${retry} />`;
	}
	if (failed) return html`<${ProblemBox} problem=${{ detail: t('ui.error.network'), key: 'console.module' }} retry=${() => location.reload()} />`;
	if (!module) return html`<${Loading} />`;
	return html`<${module.default} ...${params} />`;
}

function Inside({ session: who }) {
	const { path, query } = useRoute();
	const name = SHELLS[who.shell] ? who.shell : 'unit';
	const shell = SHELLS[name];
	const nav = navOf(shell);
	const home = homeOf(shell, nav);
	const found = path === '/' || path === '' ? { page: byPath(home), params: {} } : find(path);
	const again = useStore(expired);
	useEffect(() => {
		setShellTheme(shell.theme);
	}, [name]);
	useEffect(() => (again ? stopStream() : startStream()), [again]);
	const active = found ? (found.page.nav ?? found.page.path) : null;
	const title = found && (found.page.title ?? byPath(found.page.nav)?.title);
	useEffect(() => {
		document.title = title ? `${t(title)} · ${t('ui.product')}` : t('ui.product');
	}, [title]);
	const allowed = found && can(found.page.permission);
	return html`<${Frame} shell=${name} nav=${nav} active=${active} path=${path} session=${who} wall=${query.get('wall') === '1'} pages=${pages.filter((page) => page.title && can(page.permission))}>
		${!found && html`<${Empty} title=${t('ui.error.no_page')}><a href="#/">${t('ui.error.go_home')}</a><//>`}
		${found && !allowed && html`<${Empty} title=${t('ui.error.not_permitted')}>${t('ui.error.ask_permission')}<//>`}
		${allowed && html`<${Page} key=${found.page.file} page=${found.page} params=${found.params} />`}
		${again && html`<${LoginAgain} />`}
	<//>`;
}

// A component of pages/ that stands outside the shells, loaded when needed.
const outside = { setup: () => Promise.all([import('./pages/setup.js'), addTexts(['setup'])]).then(([module]) => module), first_password: () => import('./pages/first_password.js'), first_factor: () => Promise.all([import('./pages/first_factor.js'), addTexts(['factor'])]).then(([module]) => module) };
function Outside({ name, ...props }) {
	const [View, setView] = useState(null);
	useEffect(() => {
		outside[name]().then((module) => setView(() => module.default));
	}, [name]);
	return View ? html`<${View} ...${props} />` : html`<${Loading} />`;
}

function App({ setup }) {
	useLang();
	const who = useSession();
	const [needed, setNeeded] = useState(setup);
	useEffect(() => {
		if (who === false) {
			stopStream();
			setShellTheme('light');
		}
	}, [who]);
	const done = async () => {
		await loadSession();
		setNeeded(false);
		go('/');
	};
	if (needed && !who) return html`<${Outside} key="setup" name="setup" onDone=${done} />`;
	if (who?.must_change_password) return html`<${Outside} key="first" name="first_password" />`;
	if (who?.must_add_factor) return html`<${Outside} key="factor" name="first_factor" />`;
	return who ? html`<${Inside} session=${who} />` : html`<${Login} />`;
}

onSignedOut(() => {
	if (session.get()) expired.set(true);
});

async function start() {
	const root = document.getElementById('app');
	setShellTheme('light');
	try {
		const [who, setup] = await Promise.all([loadSession(), get('/setup', null, { quiet: true }), startLang()]);
		root.replaceChildren();
		render(html`<${App} setup=${!who && setup.needed} />`, root);
	} catch (error) {
		// Without a server there is not even a catalogue: the static sentence of the page stands in.
		root.replaceChildren(document.getElementById('no-server').content.cloneNode(true));
		console.error(error);
	}
}

start();
