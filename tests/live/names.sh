#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# names.sh: which far ends a policy with names lets pass, and which alert, as outflow.yaml(5) has it
# under NAMES: a line for each row of where/verdicts. Those of quiet rows are counted after the alerts
# about connections that began later, see marker().
#
#	tests/live/names.sh [BUILD] [ID...]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=where/servers.sh
. "$(dirname "$0")/where/servers.sh"

declare -A NAME_OF=([OK]=.ok.example [OK2]=-2.ok.example [BAD]=.bad.example [T]=-t.ok.example [TB]=-t.bad.example)
declare -A ADDRESS_OF=([OK]=IP [OK2]=IP [BAD]=IP [T]=TIP [TB]=TIP)

MARKER=203.0.113.253
LIED=203.0.113.254 # where the liar leads

zone() {
	rows_zone | where_zone
	where_chain_begin
	where_chain chain.ok.example 12 "$(row_address asked-chain IP)" hop.bad.example
	where_many many.ok.example 0x101 $MANY
	where_many huge.ok.example 1 $HUGE
	where_many truncated.ok.example 0x201 $MANY
	where_wide wide.ok.example "$(row_address names-many IP)"
	where_wide kept.ok.example "$(row_address names-asked-many IP)"
}

config() {
	lab_config <<-END
		limits: {grace: 1h}
		networks:
		  resolvers: [$DNSMASQ, $UNBOUND, "$UNBOUND:5353", "$FAR6", $SILENT]
		  proxies: ["203.0.113.0/24:8888", "203.0.113.0/24:1080"]
		endpoints:
		  allowed: ["*.ok.example"]
		roles:
		  job: {match: [{name: $WHO}]}
		  marker: {match: [{name: marker-$$}]}
		rules:
		  - id: unlisted
		    when: {role: job, endpoint: {not_in: [allowed]}}
		  - id: mismatch
		    when: {role: job, endpoint: {name_mismatch: true}}
		  - id: no-name
		    when: {role: job, endpoint: {no_name: true}}
		  - id: ech
		    when: {role: job, endpoint: {ech: true}}
		  - id: marker
		    when: {role: marker, endpoint: {not_in: [allowed]}}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

servers() {
	local id ip

	where_certificate
	zone
	where_dnsmasq
	where_unbound
	where_start liar "$FAR_NET" udp "53 and src $LIAR" speak lie $LIAR 53 $LIED
	for id in asked-server asked-server-other; do
		ip=$(row_address $id TIP)
		where_start $id "$FAR_NET" udp "53 and src $ip" speak lie "$ip" 53 $LIED
	done
	for id in asks-first asks-only; do
		ip=$(row_address $id IP)
		where_start $id "$FAR_NET" tcp "53 and src $ip" "$B/lab/recv" --bind "$ip" --tcp 53
	done
	where_start silent "$FAR_NET" udp "53 and src $SILENT" "$B/lab/recv" --bind $SILENT --udp 53
	where_stub
	where_nginx
	where_tinyproxy 8888
	where_tinyproxy 8889
	where_socks
	far_start --tcp 7000-7002 --udp 7001
	cp "$BASH" "$LAB_DIR/bin/marker-$$"
	helper handed-other .bad.example
	helper handed-same .ok.example
}

# Of no role: says a name at the row's far end and hands the socket on to who asks for it.
helper() { # ID NAME
	where_run "$SENDER_NET" dnsmasq speak hand_on "$LAB_DIR/$1.socket" "$(row_address "$1" IP)" 80 "$1$2" \
		>"$LAB_DIR/$1.helper" 2>&1 &
	LAB_PIDS+=($!)
	if ! wait_for 10 test -S "$LAB_DIR/$1.socket"; then
		not_ok "$1" "no helper: $(tail -n 1 "$LAB_DIR/$1.helper")"
		lab_end
	fi
}

# The alerts about the row's far end, in the form of the table.
row_found() { # ID
	local PROTO IP PORT

	row_split "$1"
	if [ "$(flows_sum "any(.lineage[]; startswith(\"${WHO}[\")) and .endpoint.ip == \"$IP\" and .endpoint.port == $PORT and .endpoint.proto == \"$PROTO\"")" -eq 0 ]; then
		echo "nothing sent"
		return
	fi
	# shellcheck disable=SC2016
	jq -nr --arg ip "$IP" --argjson port "$PORT" --arg proto "$PROTO" '
		[inputs | select(.type == "alert" and .endpoint.ip == $ip and .endpoint.port == $port and
			.endpoint.proto == $proto) | "\(.rule) \(.endpoint.names[0].name // "-")"]
		| sort | if length == 0 then "-" else join(", ") end' "$LAB_ALERTS"
}

row_check() { # ID
	local expected=${ROW[$1.expected]} found

	found=$(row_found "$1")
	if [ "$found" = "$expected" ]; then
		ok "$1: expected $(row_say "$expected"), found $(row_say "$found")"
	else
		not_ok "$1" "expected $(row_say "$expected"), found $(row_say "$found")"
	fi
}

row_say() { # ALERTS
	sed 's/^-$/no alert/; s/ -\(,\|$\)/ without a name\1/g' <<<"$1"
}

# shellcheck disable=SC2317 # wait_for calls it
marked() {
	jq -ne --arg ip "$MARKER" '[inputs | select(.type == "alert" and .rule == "marker" and .endpoint.ip == $ip)
		| "\(.endpoint.port) \(.endpoint.names[0].name // "-")"] | sort == ["7000 -", "80 marker.bad.example"]' \
		"$LAB_ALERTS" >/dev/null
}

# One that says its name, so that what was read before it is read, and one that never does, so that the
# time of all before it is over.
marker() {
	where_run "$SENDER_NET" dnsmasq "$LAB_DIR/bin/marker-$$" -c \
		"speak hosts $MARKER 80 marker.bad.example; speak begin $MARKER 7000; true" >"$LAB_DIR/marker.out" 2>&1
	if ! wait_for 20 marked; then
		not_ok "marker" "no alert about it: $(tail -n 1 "$LAB_DIR/marker.out")"
		lab_end
	fi
}

# Somebody else, without a role, whose request leaves while who runs has nothing to do with it.
corker() {
	[ -n "${ROW[corked.command]:-}" ] || return
	where_run "$SENDER_NET" dnsmasq speak corked "$(row_address corked IP)" 80 corked.bad.example \
		"$LAB_DIR/corked.go" >"$LAB_DIR/corker.out" 2>&1 &
	LAB_PIDS+=($!)
}

rows() { # ID...
	local id ran

	rows_run "$@"
	marker
	for id in "${ran[@]}"; do
		row_check "$id"
	done
}

lab_begin "${1:-build}"
shift
need_built lab/recv
may_lack dnsmasq unbound nginx tinyproxy microsocks dig python3 ss openssl
where_net
rows_read "$HERE/verdicts"
config
start_outflowd "$LAB_CONFIG"
servers
corker
rows "${@:-${IDS[@]}}"
books_balanced "books are balanced"
stop_outflowd
lab_end
