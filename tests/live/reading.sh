#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# reading.sh: names are read on this kernel, of DNS over UDP and TCP, TLS and HTTP, over IPv4 and IPv6; a
# policy by name holds; and it goes on when the process that reads is killed, when the daemon is, and
# stops when it is told to. Few programs are needed, so that it runs on the other kernels, too.
#
#	tests/live/reading.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=where/servers.sh
. "$(dirname "$0")/where/servers.sh"

WEB=203.0.113.10 WEB6=${WHERE_FAR6}10
FAR_PORT=7000

config() { # EXTRA
	lab_config <<-END
		networks: {resolvers: [$DNSMASQ]}
		limits: {grace: 1h}
		endpoints:
		  ours: ["allowed.example", "*.allowed.example:443"]
		roles:
		  runner: {match: [{name: ci-runner}]}
		rules:
		  - {id: elsewhere, when: {role: runner, endpoint: {not_in: [ours]}}}
		  - {id: marker, when: {role: runner, endpoint: {class: internal}}}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
		$1
	END
}

# What account of PORT is called, as "source name+", + for confirmed.
names_of() { # IP PORT
	outflow flows --json | jq -r --arg ip "$1" --argjson port "$2" '.endpoint
		| select(.ip == $ip and .port == $port)
		| .names[] | "\(.source) \(.name)\(if .confirmed then "+" else "" end)"' | sort -u | paste -sd,
}

named() { # NAME IP PORT EXPECTED
	local end=$((SECONDS + 20)) found=

	while found=$(names_of "$2" "$3") && [ "$found" != "$4" ] && [ $SECONDS -lt $end ]; do
		sleep 0.1
	done
	is "$1" "$found" "$4"
}

run() { # COMMAND...
	where_run "$SENDER_NET" dnsmasq "$@" >"$LAB_DIR/run.out" 2>&1 </dev/null
}

alerts_of() { # RULE
	jq -r --arg r "$1" 'select(.type == "alert" and .rule == $r) | .endpoint
		| .names[0].name // .ip' "$LAB_ALERTS" 2>/dev/null | sort | paste -sd,
}

# Of what two names share an address, by the strongest name.
alerts_to_shared() { # [PORT]
	jq -r --arg port "${1:-}" 'select(.type == "alert" and .rule == "elsewhere") | .endpoint
		| select(.ip == "203.0.113.20" and ($port == "" or "\(.port)" == $port))
		| .names[0].name' "$LAB_ALERTS"
}

# What was raised until now: behind it a marker is, which comes last.
alerts_until_marker() { # RULE ADDRESS
	run "$LAB_DIR/bin/ci-runner" -c "exec 3<>/dev/tcp/$2/$FAR_PORT; echo x >&3"
	wait_for 20 marker_came "$2" || not_ok "marker" "no alert for $2"
	alerts_of "$1"
}

# shellcheck disable=SC2317 # wait_for calls it
marker_came() { # ADDRESS
	jq -e --arg ip "$1" 'select(.type == "alert" and .rule == "marker" and .endpoint.ip == $ip)' \
		"$LAB_ALERTS" >/dev/null 2>&1
}

# shellcheck disable=SC2317 # wait_for calls it
reader_is_new() { # PID
	local now

	now=$(reader)
	[ -n "$now" ] && [ "$now" != "$1" ]
}

reader() {
	pgrep -P "$LAB_DAEMON" -x outflowd-names || pgrep -P "$LAB_DAEMON" -f '^outflowd-names '
}

status_names() { # KEY
	outflow status --json | jq -r ".names.$1"
}

servers() {
	where_zone <<-END
		http.example $WEB
		tls.example 203.0.113.9
		six.example $WEB6
		udp.example 203.0.113.11
		tcp.example 203.0.113.12
		killed.example 203.0.113.13
		stopped.example 203.0.113.14
		allowed.example 203.0.113.20
		other.example 203.0.113.20
		on.allowed.example 203.0.113.21
		off.example 203.0.113.30
	END
	where_dnsmasq
	where_certificate || not_ok "certificate" "$(tail -n 1 "$LAB_DIR/cert.log")"
	where_start tls "$FAR_NET" tcp 443 openssl s_server -quiet -www -accept 443 \
		-cert "$LAB_DIR/cert.pem" -key "$LAB_DIR/key.pem"
	far_start --tcp $FAR_PORT-7002 --tcp 80 --udp 7001
}

# shellcheck disable=SC2317 # in_far calls it
far_end_addresses() {
	ip addr add 10.77.0.2/32 dev wire && ip addr add 10.77.0.3/32 dev wire
}

lab_begin "${1:-build}"
need_built lab/recv
may_lack dnsmasq dig curl openssl
where_net
in_far far_end_addresses || not_ok "addresses" "cannot be added"
cp "$(type -P bash)" "$LAB_DIR/bin/ci-runner"
config ''
servers
start_outflowd "$LAB_CONFIG"

echo "# what is read"
run curl -s -m 2 http://http.example/
named "HTTP" $WEB 80 "dns http.example+,host http.example+"
run curl -sk -m 20 https://tls.example/
named "TLS" 203.0.113.9 443 "dns tls.example+,sni tls.example+"
run curl -sk -6 -m 20 https://six.example/
named "TLS over IPv6" $WEB6 443 "dns six.example+,sni six.example+"
run bash -c "dig @$DNSMASQ udp.example; exec 3<>/dev/tcp/203.0.113.11/$FAR_PORT; echo x >&3"
named "DNS over UDP" 203.0.113.11 $FAR_PORT "dns udp.example+"
run bash -c "dig +tcp @$DNSMASQ tcp.example; exec 3<>/dev/tcp/203.0.113.12/$FAR_PORT; echo x >&3"
named "DNS over TCP" 203.0.113.12 $FAR_PORT "dns tcp.example+"
run bash -c "exec 3<>/dev/udp/203.0.113.15/7001; echo x >&3"
named "nothing where nothing was asked" 203.0.113.15 7001 ""

echo "# a policy by name, two names at one address"
run "$LAB_DIR/bin/ci-runner" -c 'curl -sk -m 20 https://allowed.example/; curl -sk -m 20 https://on.allowed.example/'
is "the allowed ones are quiet" "$(alerts_until_marker elsewhere 10.77.0.2)" "10.77.0.2"
run "$LAB_DIR/bin/ci-runner" -c 'curl -sk -m 20 https://other.example/; true'
is "the other is not" "$(alerts_until_marker elsewhere 10.77.0.3)" "10.77.0.2,10.77.0.3,other.example"

echo "# the process that reads is killed"
before=$(reader)
kill -KILL "$before"
wait_for 20 reader_is_new "$before"
is "another one reads" "$(reader_is_new "$before" && echo yes)" "yes"
above_zero "which is said" "$(($(status_names begun) - 1))"
run bash -c "dig @$DNSMASQ killed.example; exec 3<>/dev/tcp/203.0.113.13/$FAR_PORT; echo x >&3"
named "it reads names" 203.0.113.13 $FAR_PORT "dns killed.example+"

echo "# it is stopped"
before=$(reader)
kill -STOP "$before"
run bash -c "dig @$DNSMASQ stopped.example; exec 3<>/dev/tcp/203.0.113.14/$FAR_PORT; echo x >&3"
wait_for 30 reader_is_new "$before"
is "another one reads" "$(reader_is_new "$before" && echo yes)" "yes"
named "also what had come before" 203.0.113.14 $FAR_PORT "dns stopped.example+"

echo "# the daemon is killed"
mkfifo "$LAB_DIR/go" "$LAB_DIR/held"
where_run "$SENDER_NET" dnsmasq "$LAB_DIR/bin/ci-runner" -c "
	exec 3<>/dev/tcp/allowed.example/7002; echo x >&3
	echo >$LAB_DIR/sent; read -r <$LAB_DIR/go; echo x >&3; sleep 1000" >/dev/null 2>&1 &
LAB_PIDS+=($!)
wait_for 20 test -e "$LAB_DIR/sent"
# Two of a session that asked for both names: what each says itself decides. Who asks goes on: of whoever
# has ended when the next daemon begins it is not known for whom it asked.
where_run "$SENDER_NET" dnsmasq "$LAB_DIR/bin/ci-runner" -c "
	openssl s_client -quiet -connect allowed.example:7000 -servername allowed.example <>$LAB_DIR/held &
	exec openssl s_client -quiet -connect other.example:7001 -servername other.example <>$LAB_DIR/held" \
	>/dev/null 2>&1 &
LAB_PIDS+=($!)
known() { # WHEN
	named "what was asked for $1" 203.0.113.20 7002 "dns allowed.example+,dns other.example+"
	named "what one said $1" 203.0.113.20 7000 "$BOTH,sni allowed.example+"
	named "what the other said $1" 203.0.113.20 7001 "$BOTH,sni other.example+"
}
BOTH="dns allowed.example+,dns other.example+"
known "is known before"
kill_outflowd
: >"$LAB_ALERTS"
start_outflowd "$LAB_CONFIG"
echo >"$LAB_DIR/go"
known "is known behind"
alerts_until_marker elsewhere 10.77.0.2 >/dev/null
is "the same holds" "$(alerts_to_shared | sort -u)" "other.example"
is "of the one that lasts" "$(alerts_to_shared 7001)" "other.example"

echo "# naming is turned off"
end_outflowd
config 'naming: false'
start_outflowd "$LAB_CONFIG"
is "no process reads" "$(reader)" ""
run curl -s -m 2 http://off.example/
named "nothing is named" 203.0.113.30 80 ""
is "which is said" "$(outflow status --json | jq -r '.hooks_missing | join(",")' | grep -o 'names, [a-z A-Z]*' | paste -sd,)" \
	"names, what leaves,names, DNS answers"
stop_outflowd
lab_end
