# Certificates for tests, made by the openssl command.
# Source it after test-lib.sh.
#
#	make_ca NAME                     NAME.pem and NAME.key: an authority
#	make_cert NAME [CA [ALT [DAYS]]] NAME.pem, NAME.key: signed by CA (ca), for ALT
#	                                 (DNS:localhost), DAYS (30) from now; again: a new one in place
# All in the current folder; the files change by rename, as renewing tools do it.

make_ca () {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 \
		-subj "/CN=$1" -keyout "$1.key" -out "$1.pem" 2>>openssl.log
}

make_cert () {
	local ca=${2:-ca}
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
		-keyout "$1.key.new" -out "$1.csr" 2>>openssl.log &&
	printf 'subjectAltName=%s\n' "${3:-DNS:localhost}" >"$1.ext" &&
	openssl x509 -req -in "$1.csr" -CA "$ca.pem" -CAkey "$ca.key" -CAcreateserial \
		-days "${4:-30}" -extfile "$1.ext" -out "$1.pem.new" 2>>openssl.log &&
	mv "$1.key.new" "$1.key" && mv "$1.pem.new" "$1.pem"
}

cert_serial () {
	openssl x509 -noout -serial -in "$1.pem"
}

# The serial number of the certificate that a new connection to this port sees.
serial_at () {
	openssl s_client -connect "127.0.0.1:$1" </dev/null 2>/dev/null |
		openssl x509 -noout -serial
}
