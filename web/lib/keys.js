// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Keyboard commands that do not fight Vietnamese typing: told apart by event.code, never while an input method composes,
// never while a field has the focus (Unikey also sends Backspaces of its own). "?" lists what is registered here.
import { useLayoutEffect } from './html.js';
import { createStore } from './store.js';

const commands = createStore([]);
export const listCommands = () => commands.get().filter((command) => !command.when || command.when());

const EDITABLE = 'input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=submit]),textarea,select,[contenteditable=true]';

export const inField = (target) => Boolean(target?.closest?.(EDITABLE));
export const composing = (event) => event.isComposing || event.keyCode === 229;

function wanted(command, event) {
	const code = event.code.replace(/^Numpad(\d)$/, 'Digit$1');
	// The question mark is where the keyboard has it.
	if (command.code === 'Slash' && command.shift && event.key === '?') return !event.ctrlKey && !event.altKey;
	return command.code === code && Boolean(command.alt) === event.altKey && Boolean(command.ctrl) === (event.ctrlKey || event.metaKey) && Boolean(command.shift) === event.shiftKey;
}

function onKey(event) {
	if (event.defaultPrevented || composing(event) || event.getModifierState?.('AltGraph')) return;
	const typing = inField(event.target);
	const modal = document.querySelector('dialog[open]');
	for (const command of [...commands.get()].reverse()) {
		if (!wanted(command, event)) continue;
		if ((typing || modal) && !command.always) continue;
		if (modal && !command.inDialog) continue;
		if (command.when && !command.when()) continue;
		// A focused button or link keeps its own Enter and Space.
		if ((command.code === 'Enter' || command.code === 'Space') && event.target.closest?.('button,a,summary')) continue;
		event.preventDefault();
		command.run(event);
		return;
	}
}
addEventListener('keydown', onKey);

// list: [{code: 'Digit1', alt, ctrl, shift, label, run, when, always}]; label is what "?" shows.
// In force as soon as what they act on is drawn.
export function useKeys(list, deps) {
	useLayoutEffect(() => {
		commands.set((all) => [...all, ...list]);
		return () => commands.set((all) => all.filter((command) => !list.includes(command)));
	}, deps);
}

// How a command is written for people: "Alt+N", "1", "?".
export function keyName({ code, alt, ctrl, shift }) {
	if (code === 'Slash') return shift ? '?' : '/';
	const names = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc' };
	const name = names[code] ?? code.replace(/^(Digit|Key)/, '');
	return [ctrl && 'Ctrl', alt && 'Alt', shift && 'Shift', name].filter(Boolean).join('+');
}
