#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# schema.sh: what a daemon writes is what packaging/schema/alert.schema.json says, by the judgement of
# a validator that knows nothing of outflow: alerts of a process and of an interface, its start and
# end, tampering, loss; in its feed, in `outflow alerts --json` and in a replay. The same records with
# anything wrong in them are refused.
#
#	tests/live/schema.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

ROOT=$(dirname "$0")/../..

config() {
	lab_config <<-END
		limits: {accounts: 64}
		reconcile: {interfaces: [wire]}
		roles:
		  scanner:
		    match: [{name: trivy}]
		rules:
		  - {id: scanner-volume, when: {role: scanner, sent: {over: 32KiB, within: 10m, per: process}}, attack: [T1041]}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

start() { # [ARGUMENT...]
	LAB_NETNS=$SENDER_NET start_outflowd "$LAB_CONFIG" "$@"
}

# shellcheck disable=SC2317 # wait_for calls it
told() { # RULE TYPE
	jq -r "select(.rule == \"$1\" and .type == \"$2\").id" "$LAB_ALERTS" | tail -n 1
}

# shellcheck disable=SC2317 # wait_for calls it
is_told() { # RULE TYPE
	[ -n "$(told "$@")" ]
}

expect_told() { # RULE TYPE
	if wait_for 15 is_told "$@"; then
		ok "$1: $2"
	else
		not_ok "$1: $2" "not told; $(tail -n 1 "$LAB_DIR/leak.err")"
	fi
}

# The table of accounts overflows, a scanner sends, a TUN device's packets are forwarded.
records_make() {
	start --record "$LAB_DIR/recording"
	in_sender "$B/lab/churn" --procs 20 --flows 2000 --udp --to "$FAR4_C:9000-9099" >"$LAB_DIR/churn.out"
	in_sender "$LAB_DIR/trivy" --way tcp-write --to "$FAR4_B:443" --bytes 3000000 >"$LAB_DIR/send.out"
	expect_told scanner-volume alert
	in_sender "$B/lab/leak" --way tun --dev tun0 --from 10.79.0.2 --to "$FAR4:9" \
		--mac "$(in_far ip -j link show wire | jq -r '.[0].address')" \
		--bytes 2000000 --rate 500000 >"$LAB_DIR/leak.out" 2>"$LAB_DIR/leak.err"
	expect_told unattributed-egress alert
	expect_told unattributed-egress update
	outflow alerts --json >"$LAB_DIR/open.jsonl"
	end_outflowd
	rm "$LAB_PINS/live/links/ledger_send" 2>/dev/null || rm "$LAB_PINS/live/links/ledger_event" \
		2>/dev/null || rm "$LAB_PINS/live/links/ledger_inet"
	start
	stop_outflowd
	"$B/outflow" replay "$LAB_DIR/recording" -c "$LAB_CONFIG" --json >"$LAB_DIR/replay.jsonl" 2>"$LAB_DIR/replay.err"
}

validate() { # [--mutants] FILE
	"$ROOT/tests/schema/validate" "${@:1:$#-1}" "$ROOT/packaging/schema/alert.schema.json" "${@: -1}" 2>&1
}

validates() { # NAME FILE
	local out

	if out=$(validate --mutants "$2"); then
		ok "$1: $out"
	else
		not_ok "$1" "$(tail -n 6 <<<"$out")"
	fi
}

# One record of a process and one of an interface, a key renamed by hand: this validator refuses.
check_wrong() {
	local rule out

	for rule in scanner-volume unattributed-egress; do
		jq -c "select(.rule == \"$rule\" and .type == \"alert\") | .bytes.send = .bytes.sent | del(.bytes.sent)" \
			"$LAB_ALERTS" >"$LAB_DIR/wrong.jsonl"
		out=$(validate "$LAB_DIR/wrong.jsonl")
		is "$rule with a wrong key: refused" "$? $(grep -c 'refused: \$.bytes: ' <<<"$out")" "1 1"
	done
}

lab_begin "${1:-build}"
need_programs "$ROOT/tests/schema/validate"
need_built lab/send lab/leak lab/churn lab/recv
lab_net_new
in_sender sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
in_far ip route add 10.0.0.0/8 via 198.51.100.1
far_start --tcp 443 --udp 9000-9099
cp "$B/lab/send" "$LAB_DIR/trivy"
config
records_make
far_stop
is "every type is there" "$(jq -r .type "$LAB_ALERTS" | sort -u | paste -sd ' ')" \
	"alert loss start stop tamper update"
validates "the feed" "$LAB_ALERTS"
validates "open alerts" "$LAB_DIR/open.jsonl"
validates "a replay" "$LAB_DIR/replay.jsonl"
check_wrong
lab_end
