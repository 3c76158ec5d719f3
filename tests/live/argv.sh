#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# argv.sh: names and arguments that somebody chose in order to be misread: newlines, sequences that a
# terminal obeys, bytes that are no UTF-8, 128 KiB. Every output stays what its reader takes it for:
# JSON lines that a parser of its own and the schema accept, one syslog line a record, text for people
# without a byte that a terminal obeys. And secrets in arguments, which are blanked.
#
#	tests/live/argv.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

ROOT=$(dirname "$0")/../..
ARGV_LEN=$(sed -n 's/^#define OF_ARGV_LEN *\([0-9]*\).*/\1/p' "$ROOT/include/outflow/abi.h")
# A newline, a title for the terminal, a colour, one that takes the line away, C1, a byte that is no
# UTF-8, text turned around, a quote, a backslash, per cents.
EVIL=$'a\nb\e]0;x\a\e[31m\r\x9b1m\xff\xc3(\u202e"\\%41%s'
# As a part of a path: shorter, for room in the cgroup's.
DIR=$'d\n\e[2J\xff"'
TOKEN=ghp_$(random_text A-Za-z0-9 36)

config() {
	lab_config <<-END
		rules:
		  - {id: upload, when: {sent: {over: 32KiB, within: 10m, per: process}}, severity: high}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
		  - {type: syslog, target: "unix:$LAB_DIR/log"}
		  - {type: stderr, format: text}
	END
}

# What a daemon of the system's would read: datagrams, each with a line of its own in $LAB_DIR/syslog,
# in hex, so that nothing in one can pass for the end of it.
syslog_start() {
	python3 - "$LAB_DIR/log" >"$LAB_DIR/syslog" <<-'END' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		while True:
		    print(s.recv(1 << 20).hex(), flush=True)
	END
	LAB_PIDS+=($!)
	wait_for 10 test -S "$LAB_DIR/log"
}

# Sends by a payer with the name, the arguments and the place of COMMAND's choice.
sends() { # COMMAND...
	in_sender "$@" >>"$LAB_DIR/send.out" 2>>"$LAB_DIR/send.err" </dev/null
}

WAY=(--way tcp-write --to "$FAR4:7000" --bytes 100000)

evil_payers() {
	local dir=$LAB_DIR/$DIR root cgroup

	mkdir -p "$dir" && cp "$B/lab/send" "$dir/$EVIL"
	# argv: its own first, then what getopt stops at.
	# shellcheck disable=SC2016 # the inner shell expands it
	sends bash -c 'cd "$1" && shift && exec -a "$@"' bash "$dir" $'-\e[1m\n0' "$dir/$EVIL" "${WAY[@]}" -- "$EVIL" ""
	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	cgroup=$root/outflow-$$-$'\e[5m\xff'
	if mkdir "$cgroup" 2>/dev/null; then
		# shellcheck disable=SC2016
		sends bash -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' bash "$cgroup" "$LAB_DIR/payer" "${WAY[@]}" -- cgroup
		rmdir "$cgroup"
	else
		not_ok "cgroup" "cannot be made"
	fi
	sends "$LAB_DIR/payer" "${WAY[@]}" -- long "$(head -c 130000 /dev/zero | tr '\0' "$'\x01'")"
	sends "$LAB_DIR/payer" "${WAY[@]}" -- secret "$TOKEN" --password hunter2 "https://ci:hunter2@e.example/"
	# A secret across the place where argv is cut.
	sends "$LAB_DIR/payer" "${WAY[@]}" -- cut "$(head -c $((ARGV_LEN - 140 - ${#LAB_DIR})) /dev/zero | tr '\0' y)" "$TOKEN$TOKEN$TOKEN"
	# Its short name, changed by itself.
	sends python3 -c "$(cat <<-'END'
		import socket
		open("/proc/self/comm", "wb").write(b"c\n\x1b[1m\xff")
		s = socket.create_connection(("198.51.100.2", 7000))
		s.sendall(b"x" * 100000)
	END
	)" comm
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # N
	[ "$(jq -n '[inputs | select(.type == "alert")] | length' "$LAB_ALERTS")" -ge "$1" ]
}

# The alert of the one with this argument.
process() { # ARGUMENT
	jq -c "select(.type == \"alert\" and (.process.argv | index(\"$1\"))).process" "$LAB_ALERTS" | head -n 1
}

# Each line is an object by the judgement of a parser that is not outflow's, in UTF-8.
is_json() { # NAME FILE
	local out

	out=$(python3 -c '
import json, sys
n = 0
for line in open(sys.argv[1], "rb").read().decode("utf-8").split("\n")[:-1]:
    assert isinstance(json.loads(line), dict)
    assert all(ord(c) >= 32 and not 127 <= ord(c) < 160 for c in json.dumps(line, ensure_ascii=False) if c != "\n"), line
    n += 1
print(n)' "$2" 2>&1)
	above_zero "$1: lines of JSON" "$(tail -n 1 <<<"$out")"
}

# Nothing but text: no control character besides newlines, in UTF-8, none that turns text around.
is_text() { # NAME FILE
	if ! python3 -c '
import sys, unicodedata
text = open(sys.argv[1], "rb").read().decode("utf-8")
bad = [c for c in text if c != "\n" and (unicodedata.category(c) == "Cc" or c in "\u2028\u2029\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")]
assert text and not bad, (len(text), bad[:5])' "$2" 2>"$LAB_DIR/text.err"; then
		not_ok "$1: text and no more" "$(tail -n 1 "$LAB_DIR/text.err")"
	elif LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]' "$2"; then
		not_ok "$1: text and no more" "$(LC_ALL=C grep -cP '[\x00-\x09\x0b-\x1f\x7f]' "$2") lines"
	else
		ok "$1: text and no more"
	fi
}

alerts_checked() {
	local p

	is_json "alerts" "$LAB_ALERTS"
	if "$ROOT/tests/schema/validate" "$ROOT/packaging/schema/alert.schema.json" "$LAB_ALERTS" >"$LAB_DIR/schema.out" 2>&1; then
		ok "alerts: by the schema"
	else
		not_ok "alerts: by the schema" "$(head -n 1 "$LAB_DIR/schema.out")"
	fi
	# Bytes that are not UTF-8, and every '%', stand as %NN; so the argument can be had again.
	p=$(jq -c 'select(.type == "alert" and (.process.argv[0] | startswith("-")))
		.process' "$LAB_ALERTS" | head -n 1)
	is "argv: each argument, to the byte" "$(jq -r '.argv[-2]' <<<"$p" | python3 -c '
import sys, urllib.parse
sys.stdout.buffer.write(urllib.parse.unquote_to_bytes(sys.stdin.buffer.read()[:-1]))' | od -An -tx1)" \
		"$(printf %s "$EVIL" | od -An -tx1)"
	is "argv: an empty one" "$(jq -r '.argv[-1]' <<<"$p")" ""
	is "argv: whole" "$(jq -c '[.argv_truncated, .argv_redacted]' <<<"$p")" "[false,0]"
	is "name of the file" "$(jq -r .name <<<"$p")" "$(python3 -c '
import os, re, sys
name = os.fsencode(sys.argv[1])
print(re.sub(rb"\xff|\xc3(?=\()|\x9b|%", lambda m: b"%%%02X" % m[0][0], name).decode())' "$EVIL")"
	is "working directory" "$(jq -r '.cwd | ltrimstr($d)' --arg d "$LAB_REAL_DIR/" <<<"$p")" $'d\n\e[2J%FF"'
	is "changed short name" "$(process comm | jq -r .comm)" $'c\n\e[1m%FF'
	is "cgroup" "$(process cgroup | jq -r .cgroup)" "/outflow-$$-"$'\e[5m%FF'
}

long_checked() {
	local p kept

	p=$(process long)
	is "128 KiB: said to be truncated" "$(jq .argv_truncated <<<"$p")" true
	kept=$(jq '[.argv[] | length + 1] | add' <<<"$p")
	is "128 KiB: a prefix of $ARGV_LEN is kept" \
		"$([ "$kept" -ge $((ARGV_LEN - 2)) ] && [ "$kept" -le $((ARGV_LEN + 1)) ] && echo yes)" yes
	is "128 KiB: nothing was blanked" "$(jq .argv_redacted <<<"$p")" 0
}

secrets_checked() {
	local p

	p=$(process secret)
	is "secrets: blanked" "$(jq -c '.argv[-4:]' <<<"$p")" \
		'["ghp_***","--password","***","https://ci:***@e.example/"]'
	is "secrets: said" "$(jq -c '[.argv_redacted, .argv_truncated]' <<<"$p")" '[3,false]'
	p=$(process cut)
	is "a secret that is cut: blanked" "$(jq -c '.argv[-1]' <<<"$p")" '"ghp_***"'
	is "a secret that is cut: said" "$(jq -c '[.argv_redacted, .argv_truncated]' <<<"$p")" '[1,true]'
}

# Everything that the tool prints.
tool_checked() {
	local verb

	for verb in status ps flows ledger alerts; do
		outflow $verb >"$LAB_DIR/$verb.txt" 2>&1
		is_text "outflow $verb" "$LAB_DIR/$verb.txt"
		outflow $verb --json >"$LAB_DIR/$verb.jsonl" 2>&1
		is_json "outflow $verb --json" "$LAB_DIR/$verb.jsonl"
	done
	outflow ps --all >"$LAB_DIR/all.txt"
	is_text "outflow ps --all" "$LAB_DIR/all.txt"
}

logs_checked() {
	is_text "outflowd's log" "$LAB_DIR/outflowd.log"
	python3 -c '
import sys
for line in open(sys.argv[1]):
    sys.stdout.buffer.write(bytes.fromhex(line) + b"\n")' "$LAB_DIR/syslog" >"$LAB_DIR/syslog.txt"
	is "syslog: a line for a record" "$(wc -l <"$LAB_DIR/syslog.txt")" "$(wc -l <"$LAB_DIR/syslog")"
	is_text "syslog" "$LAB_DIR/syslog.txt"
}

replay_checked() {
	"$B/outflow" replay "$LAB_DIR/recording" -c "$LAB_CONFIG" --json >"$LAB_DIR/replay.jsonl" 2>"$LAB_DIR/replay.err"
	is_json "replay --json" "$LAB_DIR/replay.jsonl"
	is "replay: the same arguments" "$(jq -c 'select(.type == "alert").process | [.argv, .argv_redacted]' "$LAB_DIR/replay.jsonl" | sort -u)" \
		"$(jq -c 'select(.type == "alert").process | [.argv, .argv_redacted]' "$LAB_ALERTS" | sort -u)"
	"$B/outflow" replay "$LAB_DIR/recording" -c "$LAB_CONFIG" >"$LAB_DIR/replay.txt" 2>&1
	is_text "replay" "$LAB_DIR/replay.txt"
}

# Asked not to, it blanks nothing.
unredacted() {
	config
	echo 'redact: false' >>"$LAB_CONFIG"
	: >"$LAB_ALERTS"
	start_outflowd "$LAB_CONFIG"
	sends "$LAB_DIR/payer" "${WAY[@]}" -- secret "$TOKEN"
	wait_for 10 alerted 1
	is "redact: false" "$(process secret | jq -c '[.argv[-1], .argv_redacted]')" "[\"$TOKEN\",0]"
	stop_outflowd
}

lab_begin "${1:-build}"
need_programs python3
need_built lab/send lab/recv
lab_net_new
far_start --tcp 7000
cp "$B/lab/send" "$LAB_DIR/payer"
syslog_start
config
start_outflowd "$LAB_CONFIG" --record "$LAB_DIR/recording"
evil_payers
if wait_for 15 alerted 6; then
	ok "an alert of each"
else
	not_ok "an alert of each" "$(jq -c 'select(.type == "alert").process.name' "$LAB_ALERTS" | tr '\n' ' ') $(tail -n 2 "$LAB_DIR/send.err")"
fi
tool_checked
end_outflowd
alerts_checked
long_checked
secrets_checked
logs_checked
replay_checked
unredacted
far_stop
lab_end
