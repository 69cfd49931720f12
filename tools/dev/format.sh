# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
command -v clang-format >/dev/null 2>&1 || as_root apt-get install -y -q --no-install-recommends clang-format
git ls-files '*.c' '*.h' | xargs -r clang-format -i
git diff --stat
