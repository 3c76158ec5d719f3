#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# demo.sh: a poisoned scanner, end to end, as `make demo` shows it. Under a process named
# Runner.Worker a program named trivy sends 400,000 bytes to an address that the policy does not
# list, and 400,000 to one that it does. Within a second a real rsyslog has exactly one alert, for
# the first; `outflow flows` has 400,000 bytes on each.
#
#	tests/live/demo.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

BYTES=400000
LISTED=$FAR4_B:443
UNLISTED=$FAR4_C:443

say() {
	printf '\n%s\n' "$*"
}

show() { # COMMAND...
	printf '  $ %s\n' "$*"
	"$@" 2>&1 | sed 's/^/    /'
}

config() {
	lab_config <<-END
		endpoints:
		  vuln-db: ["$LISTED"]
		roles:
		  runner:
		    match: [{name: Runner.Worker}]
		  scanner:
		    match: [{name: trivy}]
		rules:
		  - id: scanner-unknown-endpoint
		    when: {role: scanner, endpoint: {not_in: [vuln-db]}}
		    severity: high
		    attack: [T1041]
		sinks:
		  - {type: syslog, target: "unix:$LAB_DIR/log.sock", format: rfc3164, facility: authpriv}
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

make_programs() {
	cp "$BASH" "$LAB_DIR/Runner.Worker"
	cp "$BASH" "$LAB_DIR/entrypoint"
	cp "$B/lab/send" "$LAB_DIR/trivy"
	cat >"$LAB_DIR/job.sh" <<-'END'
		./entrypoint ./scan.sh "$@"
		exit 0
	END
	cat >"$LAB_DIR/scan.sh" <<-'END'
		./trivy --way tcp-write --bytes "$1" --to "$2" # what the poison does
		./trivy --way tcp-write --bytes "$1" --to "$3" # what a scan does
		exit 0
	END
}

alert_lines() {
	grep -c 'scanner-unknown-endpoint' "$LAB_DIR/syslog" 2>/dev/null
}

# shellcheck disable=SC2317 # wait_for calls it
alert_arrived() {
	[ "$(alert_lines)" -ge 1 ] 2>/dev/null
}

# shellcheck disable=SC2317 # flows_settle calls it
sent_to() { # IP
	flows_sum ".process.name == \"trivy\" and .endpoint.ip == \"$1\" and .endpoint.port == 443"
}

milliseconds() {
	local now=${EPOCHREALTIME/[.,]/}

	echo $((now / 1000))
}

attack() {
	local began

	began=$(milliseconds)
	(cd "$LAB_DIR" && in_sender ./Runner.Worker ./job.sh $BYTES $UNLISTED $LISTED) >"$LAB_DIR/job.out" 2>&1
	wait_for 1 alert_arrived
	TOOK=$(($(milliseconds) - began))
}

check() {
	local alert

	is "exactly one alert in rsyslog's file" "$(alert_lines)" 1
	is "within a second ($TOOK ms after the job began)" "$([ $TOOK -le 1000 ] && echo yes)" yes
	alert=$(grep scanner-unknown-endpoint "$LAB_DIR/syslog")
	is "it names the lineage" "$(grep -cE \
		'Runner\.Worker\[[0-9]+\] > entrypoint\[[0-9]+\] > trivy\[[0-9]+\]' <<<"$alert")" 1
	is "it names the endpoint" "$(grep -cF "$UNLISTED/tcp" <<<"$alert")" 1
	is "it names the bytes so far" "$(grep -cE 'sent [1-9][0-9.]*( B|KiB)' <<<"$alert")" 1
	is "none for the listed endpoint" "$(grep -cF "$LISTED" "$LAB_DIR/syslog")" 0
	is "flows: bytes to the unlisted" "$(flows_settle 5 $BYTES sent_to $FAR4_C)" $BYTES
	is "flows: bytes to the listed" "$(flows_settle 5 $BYTES sent_to $FAR4_B)" $BYTES
}

lab_begin "${1:-build}"
need_built lab/send lab/recv
say "Two network namespaces, joined by a wire, play a CI runner and the internet."
lab_net_new
far_start --tcp 443
start_rsyslog
make_programs
config
say "The policy: a scanner (a program named trivy, and all that descends from it) may talk to
$LISTED, and to nothing else. Alerts go to a real rsyslog."
sed 's/^/    /' "$LAB_CONFIG"
start_outflowd "$LAB_CONFIG"
say "outflowd watches. Now Runner.Worker starts a job, the job starts trivy, and trivy sends
$BYTES bytes to $UNLISTED, which nobody listed, and $BYTES to $LISTED."
attack
say "What rsyslog wrote, $TOOK ms after the job began:"
sed 's/^/    /' "$LAB_DIR/syslog"
say "What was posted, every byte to the process that sent it:"
show outflow flows
say "The same alert as the JSON feed has it:"
jq 'select(.type == "alert")' "$LAB_ALERTS" | sed 's/^/    /'
say "Checked:"
check
far_stop
is "the far end read all" "$(far_received tcp)" $((2 * BYTES))
stop_outflowd
lab_end
