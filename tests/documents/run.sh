#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Documents and signatures as programs: made with luytre, looked at with what others wrote (poppler, OpenSSL, SoftHSM2).
# With LUYTRE_OFFICE=1 (./dev check), LibreOffice opens the DOCX. Programs: $LUYTRE_BIN, or build/bin.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
export LUYTRE_BIN=${LUYTRE_BIN:-$top/build/bin} LUYTRE_LANG=en
work=$(mktemp -d /tmp/luytre-documents.XXXXXX)
tsa=
trap '[ -z "$tsa" ] || kill "$tsa" 2>/dev/null; rm -rf "$work"' EXIT
. "$top/tests/lib.sh"
. "$top/tests/documents/pki.sh"
cd "$work"
luytre=$LUYTRE_BIN/luytre
templates=$top/packs/vn/documents

for name in $(basename -s .md "$templates"/*.md); do
	for ending in pdf docx html; do
		must "$luytre" document render "$templates/$name.md" --data "$top/tests/documents/$name.json" -o "$name.$ending"
	done
done
check "files" /usr/bin/python3 "$top/tests/documents/files_test.py" "$work"

# Errors of a template say where.
echo '{"a": 1}' >a.json
printf 'x\n{{#if a}}{{b}}{{/if}}\n' >bad.md
says() { # WORDS COMMAND…: fails, and says so
	local words=$1 out
	shift
	! out=$("$@" 2>&1) && grep -qF -- "$words" <<<"$out" || {
		printf '%s\n' "$out"
		return 1
	}
}
check "a template's fault has a place" says "bad.md:2:12" "$luytre" document render bad.md --data a.json -o bad.pdf

# ---- signatures
make_pki
sign() { "$luytre" document sign "$@"; }
verify() { "$luytre" verify --ca-government gov.pem --ca-public pub.pem --crl gov.crl "$@"; }
must sign annual_report.pdf -o head.pdf --pkcs12 head.p12 --pin-file secret --reason "Phê duyệt" --place "Cần Thơ"
pdfsig head.pdf >pdfsig.txt 2>&1
check "pdfsig: valid" grep -q 'Signature is Valid' pdfsig.txt
check "pdfsig: the whole document" grep -q 'Total document signed' pdfsig.txt
check "pdfsig: PAdES" grep -q 'ETSI.CAdES.detached' pdfsig.txt
verify head.pdf >verify.txt || true
check "verify: valid" grep -q 'Nguyễn Văn Mẫu.*: VALID' verify.txt
check "verify: the whole file" grep -q 'covers the whole file' verify.txt
check "verify: class of the issuer" grep -q 'class: government-specialised' verify.txt
check "verify: not on the list" grep -q 'looked up in the revocation list' verify.txt
check "no signature: not in order" says "0 signatures" verify annual_report.pdf
check "an issuer that nobody trusts" says "issuer not known" "$luytre" verify head.pdf

must sign head.pdf -o both.pdf --pkcs12 office.p12 --pin-file secret
check "two signers: both valid" verify both.pdf
verify both.pdf >verify.txt || true
check "the first: only signatures came after" grep -q 'only signatures or data to check them were added' verify.txt
check "pdfsig: both valid" test "$(pdfsig both.pdf 2>/dev/null | grep -c 'Signature is Valid')" = 2
must sign both.pdf -o three.pdf --pkcs12 public.p12 --pin-file secret
verify three.pdf >verify.txt || true
check "a public authority is told apart" grep -q 'class: public' verify.txt
check "hostile changes" /usr/bin/python3 "$top/tests/documents/changes_test.py" "$luytre" both.pdf gov.pem

# ---- with images: the person's between position and name, the office's seal over a third of it
/usr/bin/python3 "$top/tests/documents/images.py"
must sign annual_report.pdf -o shown1.pdf --pkcs12 head.p12 --pin-file secret --image person.png
must sign shown1.pdf -o shown.pdf --pkcs12 office.p12 --pin-file secret --seal seal.png
check "images: both valid" verify shown.pdf
check "images: pdfsig agrees" test "$(pdfsig shown.pdf 2>/dev/null | grep -c 'Signature is Valid')" = 2
check "images: their place" /usr/bin/python3 "$top/tests/documents/images.py" shown.pdf
check "no image" says "must be PNG" sign annual_report.pdf -o x.pdf --pkcs12 head.p12 --pin-file secret --image secret
check "no place for an image" says "has no place" sign "$top/fuzz/corpus/pades/streams.pdf" -o x.pdf --pkcs12 head.p12 --pin-file secret --image person.png

check "wrong password" says "password" sign annual_report.pdf -o x.pdf --pkcs12 head.p12 --pin-file wrong
check "expired certificate" says "expired at 01/01/2021" sign annual_report.pdf -o x.pdf --pkcs12 expired.p12 --pin-file secret
check "revoked certificate" says "revoked" sign annual_report.pdf -o x.pdf --pkcs12 revoked.p12 --pin-file secret --crl gov.crl
check "nothing was written" test ! -e x.pdf
must sign annual_report.pdf -o revoked.pdf --pkcs12 revoked.p12 --pin-file secret
check "revoked afterwards" says "certificate revoked" verify revoked.pdf

# ---- a time stamp (B-T)
port=$(free_port)
/usr/bin/python3 "$top/tests/documents/tsa.py" "$port" &
tsa=$!
eventually 20 curl -s -o /dev/null "http://127.0.0.1:$port/"
must sign annual_report.pdf -o stamped.pdf --pkcs12 head.p12 --pin-file secret --timestamp "http://127.0.0.1:$port/tsa"
verify --ca gov.pem stamped.pdf >verify.txt || true
check "time stamp" grep -q '(time stamp)' verify.txt
check "pdfsig: valid with a time stamp" grep -q 'Signature is Valid' <(pdfsig stamped.pdf 2>&1)
check "no authority: says so" says "127.0.0.1" sign annual_report.pdf -o x.pdf --pkcs12 head.p12 --pin-file secret --timestamp "http://127.0.0.1:1/tsa"

# ---- a token
module=/usr/lib/softhsm/libsofthsm2.so
mkdir tokens
export SOFTHSM2_CONF=$work/softhsm.conf
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/tokens" >softhsm.conf
printf 4711 >pin
quiet softhsm2-util --init-token --free --label luytre --so-pin 12345678 --pin 4711
openssl pkcs8 -topk8 -nocrypt -in head.key -out head.p8
quiet softhsm2-util --import head.p8 --token luytre --label head --id 01 --pin 4711
openssl x509 -in head.pem -outform DER -out head.der
quiet pkcs11-tool --module "$module" --token-label luytre --login --pin 4711 --write-object head.der --type cert --label head --id 01
must sign annual_report.pdf -o token.pdf --module "$module" --token luytre --pin-file pin
check "token: valid" verify token.pdf
check "token: pdfsig agrees" grep -q 'Signature is Valid' <(pdfsig token.pdf 2>&1)
check "token: wrong PIN" says "PIN is wrong" sign annual_report.pdf -o x.pdf --module "$module" --token luytre --pin-file wrong
check "token: absent" says "“other” is not there" sign annual_report.pdf -o x.pdf --module "$module" --token other --pin-file pin
check "token: no such key" says "no key “seal”" sign annual_report.pdf -o x.pdf --module "$module" --token luytre --key seal --pin-file pin
check "token: no such library" says "cannot be loaded" sign annual_report.pdf -o x.pdf --module /nowhere.so --pin-file pin

[ $failures = 0 ]
