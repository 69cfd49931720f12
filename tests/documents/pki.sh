#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# shellcheck shell=bash
# Two authorities, their signers, an expired and a revoked certificate, a time-stamp authority; in the working folder.
quiet() { "$@" >/dev/null 2>&1; }
authority() { # NAME CN
	quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 3650 -utf8 -subj "/C=VN/O=$2/CN=$2" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
	: >"$1.index"
	echo 01 >"$1.crlnumber"
	cat >"$1.cnf" <<-END
		[ca]
		default_ca = d
		[d]
		database = $1.index
		crlnumber = $1.crlnumber
		default_md = sha256
		default_crl_days = 30
		certificate = $1.pem
		private_key = $1.key
		policy = any
		new_certs_dir = .
		rand_serial = yes
		email_in_dn = no
		[any]
		commonName = supplied
		organizationName = optional
	END
}
signer() { # NAME AUTHORITY CN O USAGE [OPTIONS OF ca]
	local name=$1 ca=$2 cn=$3 o=$4 usage=$5
	shift 5
	printf 'basicConstraints=CA:FALSE\n%b\n' "$usage" >"$name.ext"
	quiet openssl req -newkey rsa:2048 -nodes -keyout "$name.key" -out "$name.csr" -utf8 -subj "/O=$o/CN=$cn"
	quiet openssl ca -batch -utf8 -config "$ca.cnf" -in "$name.csr" -out "$name.pem" -notext -extfile "$name.ext" "$@"
	openssl pkcs12 -export -inkey "$name.key" -in "$name.pem" -certfile "$ca.pem" -passout pass:bi-mat -out "$name.p12" -name "$name"
}
make_pki() {
	local sign='keyUsage=critical,digitalSignature,nonRepudiation'
	authority gov "CA chuyên dùng thử nghiệm"
	authority pub "CA công cộng thử nghiệm"
	signer head gov "Nguyễn Văn Mẫu" "Công an thành phố Cần Thơ" "$sign" -days 730
	signer office gov "Công an thành phố Cần Thơ" "Công an thành phố Cần Thơ" "$sign" -days 730
	signer public pub "Trần Thị Thử" "Công ty Mẫu" "$sign" -days 730
	signer expired gov "Lê Hết Hạn" "Sở Mẫu" "$sign" -startdate 20200101000000Z -enddate 20210101000000Z
	signer revoked gov "Phạm Thu Hồi" "Sở Mẫu" "$sign" -days 730
	signer tsa gov "Dấu thời gian thử nghiệm" "CA" 'keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping' -days 730
	quiet openssl ca -config gov.cnf -revoke revoked.pem
	quiet openssl ca -config gov.cnf -gencrl -out gov.crl
	printf bi-mat >secret
	printf sai >wrong
}
