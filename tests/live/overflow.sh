#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# overflow.sh: a full table loses detail, never bytes, and says so. With room for 64 accounts and a
# ring of one page, 200 processes make 20,000 short flows: the sum posted to them, overflow rows
# included, is the sum they counted, to the byte; the books are balanced; `status` and the alert
# that was raised meanwhile tell of the overflow.
#
#	tests/live/overflow.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

PROCS=200
FLOWS=20000

config() {
	lab_config <<-END
		limits: {accounts: 64, ring: 4096}
		roles:
		  scanner:
		    match: [{name: trivy}]
		rules:
		  - id: scanner-volume
		    when: {role: scanner, sent: {over: 16MiB, within: 10m, per: lineage}}
		    severity: high
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

ledger_total() {
	outflow ledger --json | jq .total
}

alert_loss() {
	jq -n '[inputs | select(.type == "alert" and .rule == "scanner-volume")
		| .loss.overflow] | max // 0' "$LAB_ALERTS" 2>/dev/null
}

# shellcheck disable=SC2317 # wait_for calls it
alerted_with_loss() {
	[ "$(alert_loss)" -gt 0 ] 2>/dev/null
}

check_books() { # SENT TOTAL-BEFORE
	local posted overflow grown books

	posted=$(flows_settle 20 "$1" flows_of_exe "$LAB_REAL_DIR/trivy")
	# shellcheck disable=SC2016
	overflow=$(flows_sum '.process.exe == $exe and .overflow' --arg exe "$LAB_REAL_DIR/trivy")
	books=$(outflow ledger --json)
	grown=$(($(jq .total <<<"$books") - $2))
	printf '  sent %s  posted %s  of it overflow %s  machine total grew by %s\n' \
		"$1" "$posted" "$overflow" "$grown"
	is "posted to the senders, to the byte" "$posted" "$1"
	above_zero "part of it is overflow" "$overflow"
	above_zero "the ledger shows the overflow" "$(jq .overflow <<<"$books")"
	is "books are balanced" "$(jq .balanced <<<"$books")" true
	# Others on this machine may send meanwhile.
	is "the machine's total has it all" "$([ "$grown" -ge "$1" ] && echo yes)" yes
}

check_said() {
	above_zero "status tells of the overflow" "$(outflow status --json |
		jq '[.loss.overflow, .loss.accounts_full] | map(. // 0) | add')"
	wait_for 10 alerted_with_loss
	above_zero "the alert tells of the overflow" "$(alert_loss)"
}

lab_begin "${1:-build}"
need_built lab/churn lab/recv
lab_net_new
far_start --tcp 9000-9999
cp "$B/lab/churn" "$LAB_DIR/trivy"
config
start_outflowd "$LAB_CONFIG"
before=$(ledger_total)
out=$(in_sender "$LAB_DIR/trivy" --procs $PROCS --flows $FLOWS --bytes-min 100 --bytes-max 10000 \
	--to "$FAR4:9000-9999,$FAR4_C:9000-9999")
sent=$(jq .sent <<<"$out")
far_stop
is "all flows went out" "$(jq -c '[.flows, .failed]' <<<"$out")" "[$FLOWS,0]"
is "the far end read as much" "$(far_received tcp)" "$sent"
check_books "$sent" "$before"
check_said
stop_outflowd
lab_end
