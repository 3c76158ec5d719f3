#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# replay.sh: what a recording is judged to be is what the live daemon said. outflowd records while
# traffic breaks rules of every kind, its tables too small for it; the alerts that `outflow replay`
# raises from that file are those in the daemon's own, but for their number in the chain; so are one
# about an interface and its updates. A recording that breaks off, one that is none, and one judged by other rules give what they can.
#
#	tests/live/replay.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

LISTED=$FAR4_B:443
UNLISTED=$FAR4_C:443
CLOSED=$FAR4_C:444 # nobody listens
DROPPED=445	   # swallowed without an answer

config() {
	lab_config <<-END
		limits: {accounts: 64}
		endpoints:
		  vuln-db: ["$LISTED"]
		roles:
		  runner:
		    match: [{name: Runner.Worker}]
		  scanner:
		    match: [{name: trivy}, {exe: "**/scan*/grype"}]
		rules:
		  - id: unknown-endpoint
		    when: {role: scanner, endpoint: {not_in: [vuln-db]}}
		    severity: high
		    attack: [T1041]
		  - {id: per-process, when: {role: runner, sent: {over: 100KiB, within: 10m, per: process}}}
		  - {id: per-endpoint, when: {role: runner, sent: {over: 100KiB, within: 1m, per: endpoint}}}
		  - {id: per-lineage, when: {role: runner, sent: {over: 1MiB, within: 10m, per: lineage}}}
		  - {id: per-role, when: {role: scanner, sent: {over: 500KiB, within: 1h, per: role}}}
		  - {id: anybody, when: {sent: {over: 2MiB, within: 10m}}}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

make_programs() {
	mkdir "$LAB_DIR/scan-1"
	cp "$BASH" "$LAB_DIR/Runner.Worker"
	cp "$B/lab/send" "$LAB_DIR/trivy"
	cp "$B/lab/send" "$LAB_DIR/curl"
	cp "$BASH" "$LAB_DIR/scan-1/grype"
	cp "$B/lab/churn" "$LAB_DIR/churn"
	cat >"$LAB_DIR/job.sh" <<-'END'
		./trivy --way tcp-write --bytes 400000 --to "$1"
		./trivy --way udp-sendto --bytes 200000 --to "$2"
		./curl --way tcp-sendfile --bytes 3000000 --to "$2"
		./scan-1/grype -c 'exec 3<>"/dev/tcp/$0/$1"' "${3%:*}" "${3#*:}"
		timeout 1 ./scan-1/grype -c 'exec 3<>"/dev/tcp/$0/$1"' "${3%:*}" "$4"
		./churn --procs 20 --flows 2000 --to "${2%:*}:9000-9099"
		exit 0
	END
}

alerts_of() { # FILE: as they must agree
	jq -cS 'select(.type == "alert") | del(.seq, .prev)' "$1"
}

# shellcheck disable=SC2317 # wait_for calls it
all_alerted() {
	[ "$(jq -r 'select(.type == "alert").rule' "$LAB_ALERTS" 2>/dev/null | sort -u | wc -l)" -eq 6 ] &&
		[ -n "$(jq 'select(.type == "alert" and .endpoint.port == 445).seq' "$LAB_ALERTS")" ]
}

attack() {
	in_far nft -f - <<-END
		table inet outflow_drop {
			chain input {
				type filter hook input priority 0;
				tcp dport $DROPPED drop
			}
		}
	END
	(cd "$LAB_DIR" && in_sender ./Runner.Worker ./job.sh "$LISTED" "$UNLISTED" "$CLOSED" "$DROPPED") \
		>"$LAB_DIR/job.out" 2>&1
	wait_for 10 all_alerted
}

replay() { # FILE [ARGUMENT...]: into replay.out and replay.err, its status in $status
	"$B/outflow" replay "$@" --json >"$LAB_DIR/replay.out" 2>"$LAB_DIR/replay.err"
	status=$?
}

check_live() {
	is "each rule raised an alert" "$(jq -r 'select(.type == "alert").rule' "$LAB_ALERTS" |
		sort -u | paste -sd ' ')" "anybody per-endpoint per-lineage per-process per-role unknown-endpoint"
	is "also for a closed port" "$(jq -c 'select(.type == "alert" and .endpoint.port == 444)
		| [.rule, .bytes.sent]' "$LAB_ALERTS")" '["unknown-endpoint",0]'
	is "also for one that swallows" "$(jq -c 'select(.type == "alert" and .endpoint.port == 445)
		| [.rule, .bytes.sent]' "$LAB_ALERTS")" '["unknown-endpoint",0]'
	is "the tables overflowed" "$(jq -n '[inputs | select(.type == "loss")] | length > 0' \
		"$LAB_ALERTS")" true
}

check_same() {
	local n

	replay "$LAB_DIR/recording" -c "$LAB_CONFIG"
	is "replay: status" $status 0
	is "replay: none of the records is refused" \
		"$(grep -c ' records, 0 of them refused' "$LAB_DIR/replay.err")" 1
	alerts_of "$LAB_ALERTS" >"$LAB_DIR/live.alerts"
	alerts_of "$LAB_DIR/replay.out" >"$LAB_DIR/replay.alerts"
	n=$(wc -l <"$LAB_DIR/live.alerts")
	printf '  %d alerts live, %d replayed; recording of %d bytes\n' "$n" \
		"$(wc -l <"$LAB_DIR/replay.alerts")" "$(stat -c %s "$LAB_DIR/recording")"
	is "replay: at least one of each rule" "$([ "$n" -ge 8 ] && echo yes)" yes
	if cmp -s "$LAB_DIR/live.alerts" "$LAB_DIR/replay.alerts"; then
		ok "replay: the same alerts"
	else
		not_ok "replay: the same alerts" "$(diff "$LAB_DIR/live.alerts" \
			"$LAB_DIR/replay.alerts" | cut -c 1-600 | head -n 6)"
	fi
	is "replay: and as text" "$("$B/outflow" replay "$LAB_DIR/recording" -c "$LAB_CONFIG" 2>/dev/null |
		grep -cE '(high|medium) (unknown-endpoint|per-[a-z]+|anybody): ')" "$n"
}

# What was whole is judged; the rest is said, and the status is not 0.
check_cut() {
	local size n i prefix=0

	size=$(stat -c %s "$LAB_DIR/recording")
	for i in 1 2 3; do
		head -c $((size * i / 4 + 5)) "$LAB_DIR/recording" >"$LAB_DIR/cut"
		replay "$LAB_DIR/cut" -c "$LAB_CONFIG"
		n=$(alerts_of "$LAB_DIR/replay.out" | wc -l)
		alerts_of "$LAB_DIR/replay.out" |
			cmp -s - <(head -n "$n" "$LAB_DIR/replay.alerts") && prefix=$((prefix + 1))
		printf '  cut at %d/4: status %d, %d alerts\n' "$i" $status "$n"
	done
	is "cut: the alerts until then" $prefix 3
	head -c $((size - 1)) "$LAB_DIR/recording" >"$LAB_DIR/cut"
	replay "$LAB_DIR/cut" -c "$LAB_CONFIG"
	is "cut in the last record: status" $status 1
	is "cut in the last record: said" "$(grep -c 'breaks off in the middle' "$LAB_DIR/replay.err")" 1
	head -c 10 "$LAB_DIR/recording" >"$LAB_DIR/cut"
	replay "$LAB_DIR/cut" -c "$LAB_CONFIG"
	is "cut in the file's head: status" $status 1
	is "cut in the file's head: said" "$(grep -c 'not a recording' "$LAB_DIR/replay.err")" 1
}

check_garbage() {
	local out

	head -c 100000 /dev/urandom >"$LAB_DIR/garbage"
	replay "$LAB_DIR/garbage" -c "$LAB_CONFIG"
	is "garbage: status" $status 1
	is "garbage: said" "$(grep -c 'not a recording' "$LAB_DIR/replay.err")" 1
	{
		head -c 16 "$LAB_DIR/recording"
		cat "$LAB_DIR/garbage"
	} >"$LAB_DIR/head"
	replay "$LAB_DIR/head" -c "$LAB_CONFIG"
	is "garbage behind a head: status" $status 1
	# Every byte of the records' bodies another: bad numbers, good lengths are rare; it must end.
	tr '\0-\377' '\1-\377\0' <"$LAB_DIR/recording" >"$LAB_DIR/shifted"
	head -c 16 "$LAB_DIR/recording" | dd of="$LAB_DIR/shifted" conv=notrunc status=none
	replay "$LAB_DIR/shifted" -c "$LAB_CONFIG"
	is "garbage of another kind: status" $status 1
	printf 'outflow\n\377\377\377\377\4\3\2\1' >"$LAB_DIR/version"
	replay "$LAB_DIR/version" -c "$LAB_CONFIG"
	is "another version: status" $status 1
	is "another version: said" "$(grep -c 'another version' "$LAB_DIR/replay.err")" 1
	replay "$LAB_DIR/nothing" -c "$LAB_CONFIG"
	is "no file: status" $status 1
	out=$("$B/outflow" replay "$LAB_DIR/recording" -c "$LAB_DIR/nothing.yaml" 2>&1)
	is "no configuration: status" $? 1
	is "no configuration: said" "$(grep -c 'nothing.yaml' <<<"$out")" 1
}

# Roles are found anew, by name and path; rules and sets are the other file's.
check_other_config() {
	cat >"$LAB_DIR/other.yaml" <<-END
		version: 1
		endpoints:
		  far: ["$UNLISTED"]
		roles:
		  first-of-all: {match: [{name: no-such-program}]}
		  uploader: {match: [{name: curl}]}
		  job: {match: [{name: Runner.Worker}]}
		rules:
		  - {id: uploader-to-far, when: {role: uploader, endpoint: {in: [far]}}}
		  - {id: job-total, when: {role: job, sent: {over: 3MiB, within: 1h, per: lineage}}}
		  - {id: never, when: {role: first-of-all, endpoint: {not_in: [far]}}}
	END
	replay "$LAB_DIR/recording" -c "$LAB_DIR/other.yaml"
	is "another configuration: status" $status 0
	is "another configuration: its alerts" "$(jq -r 'select(.type == "alert") | "\(.rule) \(.process.name)
		\(.roles | join("+"))"' "$LAB_DIR/replay.out" | tr -s '\n\t ' ' ' | cut -c 1-200)" \
		"uploader-to-far curl uploader+job job-total curl uploader+job "
}

# What no socket sent: how the interfaces stood is in the recording, too.
check_interface() {
	LAB_ALERTS=$LAB_DIR/interface.jsonl
	lab_config <<-END
		reconcile: {interfaces: [wire]}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
	LAB_NETNS=$SENDER_NET start_outflowd "$LAB_CONFIG" --record "$LAB_DIR/interface"
	in_sender "$B/lab/leak" --way tun --dev tun0 --from 10.79.0.2 --to "$FAR4:9" \
		--bytes 2000000 --rate 500000 >"$LAB_DIR/leak.out" 2>"$LAB_DIR/leak.err"
	case $? in
	0) ;;
	77)
		skip "interface" "$(cat "$LAB_DIR/leak.err")"
		stop_outflowd
		return
		;;
	*) not_ok "interface: sent" "$(cat "$LAB_DIR/leak.err")" ;;
	esac
	wait_for 15 leak_updated || not_ok "interface: told" "no update: $(tail -n 1 "$LAB_ALERTS")"
	stop_outflowd
	replay "$LAB_DIR/interface" -c "$LAB_CONFIG"
	is "interface: status" $status 0
	leaks_of "$LAB_ALERTS" >"$LAB_DIR/live.alerts"
	leaks_of "$LAB_DIR/replay.out" >"$LAB_DIR/replay.alerts"
	is "interface: an alert" "$(jq -s '[.[] | select(.type == "alert" and .interface.name == "wire")]
		| length' "$LAB_DIR/live.alerts")" 1
	is "interface: replayed, it and $(grep -c '"type":"update"' "$LAB_DIR/live.alerts") updates" \
		"$(cat "$LAB_DIR/replay.alerts")" "$(cat "$LAB_DIR/live.alerts")"
}

leaks_of() { # FILE: as they must agree
	jq -cS 'select(.rule == "unattributed-egress") | del(.seq, .prev)' "$1"
}

# shellcheck disable=SC2317 # wait_for calls it
leak_updated() {
	grep -q '"type":"update"' "$LAB_ALERTS"
}

check_file() {
	is "mode of a recording" "$(stat -c %a "$LAB_DIR/recording")" 600
	echo precious >"$LAB_DIR/there"
	timeout 20 "$B/outflowd" -f -c "$LAB_CONFIG" --record "$LAB_DIR/there" 2>"$LAB_DIR/there.err"
	is "recording over a file: status" $? 1
	is "recording over a file: one line" "$(wc -l <"$LAB_DIR/there.err")" 1
	is "recording over a file: said" "$(grep -c 'there: File exists' "$LAB_DIR/there.err")" 1
	is "recording over a file: untouched" "$(cat "$LAB_DIR/there")" precious
}

status=0
lab_begin "${1:-build}"
need_programs timeout cmp
need_built lab/send lab/churn lab/leak lab/recv
lab_net_new
in_sender sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
far_start --tcp 443 --tcp 9000-9099 --udp 443
make_programs
config
start_outflowd "$LAB_CONFIG" --record "$LAB_DIR/recording"
attack
far_stop
stop_outflowd
check_live
check_same
check_cut
check_garbage
check_other_config
check_file
check_interface
lab_end
