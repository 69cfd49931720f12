// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The one door to the view library: everything else imports from here.
import { h, render, Fragment } from '../vendor/preact.mjs';
import htm from '../vendor/htm.mjs';

export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useId, useErrorBoundary } from '../vendor/hooks.mjs';
export { render, Fragment };
export const html = htm.bind(h);
