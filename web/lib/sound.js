// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// A short tone for an alert that cannot wait; silent unless the person at this browser switched it on.
import { createStore } from './store.js';

const KEY = 'sound';
export const sound = createStore(localStorage.getItem(KEY) === 'on' ? 'on' : 'off');
let context = null;

export function ring() {
	if (sound.get() !== 'on') return;
	context ??= new AudioContext();
	const tone = context.createOscillator(), volume = context.createGain();
	tone.frequency.value = 660;
	volume.gain.setValueAtTime(0.15, context.currentTime);
	volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.6);
	tone.connect(volume).connect(context.destination);
	tone.start();
	tone.stop(context.currentTime + 0.6);
}

export function toggleSound() {
	const value = sound.get() === 'on' ? 'off' : 'on';
	localStorage.setItem(KEY, value);
	sound.set(value);
	ring();
}
