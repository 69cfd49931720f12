/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * agent_notice: telling the person at the machine. Linux: on the terminals of
 * those signed in (wall), at each new sign-in (/run/motd.d), and on desktops that
 * have notify-send. Windows: a window on each desktop in use.
 * Nothing of it can fail in a way that matters to the caller. Threads: one at a time.
 */
#pragma once

/* "": it is over; what stands is taken away. */
void agent_notice(const char *text);
