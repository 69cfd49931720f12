/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/mem/mem.h"
#include "platform/proc/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proc_message m = proc_message_init(1);
	buf_append(&m.payload, str_n(data, size));
	for (size_t i = 0; !m.failed && i < size; i++)
		switch (data[i] % 3) {
		case 0:
			(void)proc_get_u64(&m);
			break;
		case 1:
			(void)proc_get_str(&m, 1000);
			break;
		default:
			(void)proc_get_uuid(&m);
			break;
		}
	(void)proc_message_complete(&m);
	proc_message_done(&m);
	return 0;
}
