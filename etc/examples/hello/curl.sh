#!/bin/sh
# The hello service over HTTP: sh curl.sh http://127.0.0.1:18600
set -e
hello=TestApp.HelloServer.HelloObj

# Arguments and result are JSON; -f makes curl fail where the call does.
curl -sf "$1/v1/call/$hello/greet" -d '{"name": "world"}'; echo

# Time-out, context and trace are headers.
curl -sf "$1/v1/call/$hello/greet" -d '{"name": "world"}' \
	-H 'Tars-Timeout-Ms: 500' -H 'Tars-Ctx-User: bob' \
	-H 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'; echo

# What went wrong is said in the body.
curl -s "$1/v1/call/$hello/greet" -d '{"name": ""}'; echo

# The interface in its own language; is the service well?
curl -sf -X POST "$1/v1/call/$hello/tars_describe"; echo
curl -sf "$1/healthz"

# As clients of TarsGateway call it.
curl -sf "$1/json/$hello/greet" -d '{"name": "gateway"}'; echo
curl -sf "$1/json" -d '{"reqid": 1, "obj": "'$hello'", "func": "greet",
	"data": "{\"name\": \"envelope\"}"}'; echo
