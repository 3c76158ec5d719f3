#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# pins.sh: the probes and the books outlive the daemon. The next one goes on with them and holds no
# second copy of anything; what is not outflow's own is said and started afresh; --unload leaves
# nothing. And 10 GB go out while the daemon is killed at 50 random moments: nothing is missing.
#
#	tests/live/pins.sh [BUILD]
#
# PINS_SEED=N repeats the moments of another run, PINS_BYTES=N sends another amount.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SEED=${PINS_SEED:-$((SRANDOM))}
BYTES=${PINS_BYTES:-10000000000}
KILLS=50
PAUSE_US=1500 # stretches the transfer over all of the kills

config() { # LIMITS
	lab_config <<-END
		limits: {$1}
		roles:
		  scanner:
		    match: [{name: ${2:-trivy}}]
		rules:
		  - id: scanner-volume
		    when: {role: scanner, sent: {over: 16MiB, within: 10m, per: process}}
		    severity: high
		  - id: scanner-burst
		    when: {role: scanner, sent: {over: 1MB, within: 2s, per: process}}
		    severity: low
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

# ids of all maps, programs and links that this set holds, a line a kind. One bpftool for all of them:
# and one jq, which takes 40 ms to start.
ids() {
	local kind

	for kind in maps progs links; do
		find "$LAB_PINS/live/$kind" -type f | sort | sed "s/^/${kind%s} show pinned /"
	done | bpftool -j batch file - | jq -r 'def of($kind): [.[] | select(.command[0] == $kind).output.id];
		"maps \(of("map"))", "progs \(of("prog"))", "links \(of("link"))" | gsub("[\\[\\]]"; "") | gsub(","; " ")'
}

pin_id() { # FILE
	local kind=${1%/*}

	kind=${kind##*/}
	bpftool -j "${kind%s}" show pinned "$1" | jq .id
}

# What this daemon holds open beside what is pinned: ids of maps and programs by its descriptors.
daemon_ids() { # map_id | prog_id
	sed -n "s/^$1:\s*//p" "/proc/$LAB_DAEMON/fdinfo/"* 2>/dev/null | sort -nu
}

no_second_copy() { # NAME
	local kind all held

	all=$(ids)
	for kind in map prog; do
		held=$(sed -n "s/^${kind}s //p" <<<"$all" | tr ' ' '\n' | sort -n)
		is "$1: the daemon holds no $kind that is not pinned" \
			"$(comm -13 <(sort <<<"$held") <(daemon_ids "${kind}_id" | sort) | tr '\n' ' ')" ""
	done
}

state() {
	outflow status --json | jq -r .pins.state
}

# Fields of the last record of a type in the feed.
record() { # TYPE JQ
	jq -r "select(.type == \"$1\") | $2" "$LAB_ALERTS" | tail -n 1
}

tampers() {
	jq -s '[.[] | select(.type == "tamper")] | length' "$LAB_ALERTS"
}

says() { # NAME TEXT PATTERN
	if grep -qE -- "$3" <<<"$2"; then
		ok "$1"
	else
		not_ok "$1" "'$2' has no '$3'"
	fi
}

# ---- Going on ----

adoption() {
	local before pid out flow shell

	config ""
	start_outflowd "$LAB_CONFIG"
	is "first start" "$(state)" pinned
	is "mode of the directory" "$(stat -c %a "$LAB_PINS")" 700
	before=$(ids)
	mkfifo "$LAB_DIR/in"
	in_sender "$LAB_DIR/trivy" --way tcp-write --to "$FAR4_B:443" --bytes 3000000 --hold \
		<"$LAB_DIR/in" >"$LAB_DIR/held.out" &
	shell=$!
	LAB_PIDS+=("$shell")
	exec 7>"$LAB_DIR/in"
	wait_for 10 test -s "$LAB_DIR/held.out"
	pid=$(jq .pid "$LAB_DIR/held.out")
	is "before: posted" "$(flows_settle 10 3000000 flows_of "$pid")" 3000000
	flow=$(flow_facts "$pid")
	end_outflowd
	# Nobody looks now.
	out=$(in_sender "$B/lab/send" --way udp-send --to "$FAR4_B:443" --bytes 500000)
	start_outflowd "$LAB_CONFIG"
	is "next start" "$(state)" adopted
	says "next start: its record" "$(record start .reason)" 'goes on with the books'
	is "the same maps, programs and links" "$(ids)" "$before"
	no_second_copy "next start"
	is "sent before: still there" "$(flows_of "$pid")" 3000000
	is "process, lineage, roles and endpoint: as before" "$(flow_facts "$pid")" "$flow"
	is "sent while nobody looked" "$(flows_of "$(jq .pid <<<"$out")")" 500000
	books_balanced "books are balanced"
	echo >&7
	exec 7>&-
	wait "$shell"
	lab_forget_pid "$shell"
}

flow_facts() { # PID
	outflow flows --json | jq -c "select(.process.pid == $1)
		| {process, lineage, roles, endpoint, sent: .bytes.sent}"
}

# Windows go on, too: what was sent before a restart counts when it was sent. The scanner is a shell
# that writes by itself, so many bytes for each line it reads.
windows() {
	local pid shell

	mkdir "$LAB_DIR/shell"
	cp "$BASH" "$LAB_DIR/shell/trivy"
	# shellcheck disable=SC2016
	echo 'exec 5<>"/dev/tcp/$1/443"; while read -r n && [ "$n" != end ]; do printf "%${n}s" "" >&5; done' >"$LAB_DIR/shell/writes"
	mkfifo "$LAB_DIR/shell/in"
	in_sender "$LAB_DIR/shell/trivy" "$LAB_DIR/shell/writes" "$FAR4_B" <"$LAB_DIR/shell/in" &
	shell=$!
	LAB_PIDS+=("$shell")
	exec 8>"$LAB_DIR/shell/in"
	echo 600000 >&8
	is "windows: posted" "$(flows_settle 10 600000 flows_of_exe "$LAB_REAL_DIR/shell/trivy")" 600000
	pid=$(outflow flows --json | jq --arg e "$LAB_REAL_DIR/shell/trivy" 'select(.process.exe == $e).process.pid')
	sleep 3 # more than the burst may last
	end_outflowd
	start_outflowd "$LAB_CONFIG"
	echo 600000 >&8
	is "windows: posted after a restart" "$(flows_settle 10 1200000 flows_of "$pid")" 1200000
	end_outflowd
	start_outflowd "$LAB_CONFIG"
	is "windows: two bursts with time between are no long one" "$(alerts_of "$pid" scanner-burst)" 0
	is "windows: no alert yet" "$(alerts_of "$pid" scanner-volume)" 0
	echo 15600000 >&8
	wait_for 10 alerted "$pid"
	is "windows: what was sent under three daemons adds up to an alert" \
		"$(alerts_of "$pid" scanner-volume)" 1
	echo end >&8 # the daemons hold the other end, too
	exec 8>&-
	wait "$shell"
	lab_forget_pid "$shell"
}

# A line that a kill cut through is none: the next daemon gives it its end, and writes it anew.
alerts_of() { # PID RULE
	jq -Rn "[inputs | fromjson? | select(.type == \"alert\" and .rule == \"$2\" and .process.pid == $1)] |
		length" "$LAB_ALERTS"
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # PID
	[ "$(alerts_of "$1" scanner-volume)" -gt 0 ]
}

second_daemon() {
	local status

	"$B/outflowd" -f -c "$LAB_CONFIG" >"$LAB_DIR/second.log" 2>&1
	status=$?
	is "second daemon: exit status" $status 1
	is "second daemon: one line" "$(cat "$LAB_DIR/second.log")" \
		"outflowd: another outflowd (pid $LAB_DAEMON) holds '$LAB_PINS'"
	"$B/outflowd" --unload -c "$LAB_CONFIG" >"$LAB_DIR/second.log" 2>&1
	is "--unload beside a daemon: exit status" $? 1
	says "--unload beside a daemon: says why" "$(cat "$LAB_DIR/second.log")" "pid $LAB_DAEMON"
	is "the first is as it was" "$(state)" adopted
}

unload() {
	local out progs

	progs=$(ids | sed -n 's/^progs //p')
	end_outflowd
	out=$("$B/outflowd" --unload -c "$LAB_CONFIG" 2>&1)
	is "--unload: exit status" $? 0
	says "--unload: says what" "$out" 'live: [0-9]+ links, [0-9]+ programs, [0-9]+ maps; the books held [0-9]+ bytes'
	is "--unload: nothing is left" "$(ls -d "$LAB_PINS" 2>/dev/null)" ""
	# shellcheck disable=SC2086
	if wait_for 10 progs_gone $progs; then
		ok "--unload: no program stays loaded"
	else
		not_ok "--unload: no program stays loaded" "$progs"
	fi
	is "--unload again" "$("$B/outflowd" --unload -c "$LAB_CONFIG" 2>&1)" \
		"nothing is pinned in $LAB_PINS"
}

# shellcheck disable=SC2317 # wait_for calls it
progs_gone() { # ID...
	local id

	for id in "$@"; do
		! bpftool prog show id "$id" >/dev/null 2>&1 || return 1
	done
}

# ---- Not going on ----

# Starts on pins that it must not adopt.
afresh() { # NAME REASON tamper|operator
	local before tampers

	before=$(ids 2>/dev/null | sed -n 's/^maps //p')
	tampers=$(tampers)
	start_outflowd "$LAB_CONFIG"
	is "$1: fresh" "$(state)" pinned
	says "$1: the start record says why" "$(record start .reason)" "fresh books: .*$2.*held [0-9]+ bytes"
	says "$1: status says why" "$(outflow status)" "$2"
	if [ "$3" = tamper ]; then
		says "$1: tamper record" "$(record tamper '"\(.severity) \(.reason)"')" "high pins: .*$2"
	else
		is "$1: no tamper record" "$(tampers)" "$tampers"
	fi
	is "$1: other maps" "$(comm -12 <(tr ' ' '\n' <<<"$before" | sort) \
		<(ids | sed -n 's/^maps //p' | tr ' ' '\n' | sort) | tr '\n' ' ')" ""
	no_second_copy "$1"
	is "$1: one set" "$(ls "$LAB_PINS")" live
	books_balanced "$1: balanced"
}

changes() {
	local id

	config ""
	start_outflowd "$LAB_CONFIG"
	in_sender "$B/lab/send" --way tcp-write --to "$FAR4_B:443" --bytes 100000 >/dev/null
	end_outflowd
	config "accounts: 1000"
	afresh "limits changed" "map accounts: size 65536, the configuration asks for 1000" operator
	end_outflowd
	config "accounts: 1000" grype
	afresh "roles changed" "the roles were changed" operator
	end_outflowd
	rm "$LAB_PINS/live/links/ledger_send"
	afresh "a link's pin removed" "link ledger_send: No such file" tamper
	end_outflowd
	rm "$LAB_PINS/live/maps/totals"
	afresh "a map's pin removed" "map totals: No such file" tamper
	end_outflowd
	rm "$LAB_PINS/live/maps/free_accounts"
	bpftool map create "$LAB_PINS/live/maps/free_accounts" type queue key 0 value 4 entries 1000 \
		name free_accounts
	afresh "a map of another" "uses other maps" tamper
	end_outflowd
	foreign_link
	afresh "a foreign program under a link's pin" "link lineage_exec: runs another program" tamper
	end_outflowd
	foreign_link progs
	afresh "a foreign program under both pins" "program lineage_exec: its instructions are not ours" \
		tamper
	end_outflowd
	id=$(pin_id "$LAB_PINS/live/links/endpoint_sendmsg4")
	bpftool link detach id "$id"
	afresh "a link detached" "link endpoint_sendmsg4: was detached" tamper
	stop_outflowd
}

# The link of lineage_exit, of the same kind, in the place of that of lineage_exec.
foreign_link() { # [progs]
	local live=$LAB_PINS/live kind

	for kind in links "$@"; do
		rm "$live/$kind/lineage_exec"
		bpftool "${kind%s}" pin id "$(pin_id "$live/$kind/lineage_exit")" "$live/$kind/lineage_exec"
	done
}

# An optional program that the kernel refuses is not missing in the pins of a daemon that went
# without it, and is in those of one that had it.
optional() {
	local before tampers

	tampers=$(tampers)
	config ""
	start_without_optional
	is "optional program refused: pinned without it" "$(state) $(missing)" 'pinned ["interfaces"]'
	in_sender "$B/lab/send" --way tcp-write --to "$FAR4_B:443" --bytes 100000 >/dev/null
	end_outflowd
	before=$(ids)
	start_without_optional
	goes_on_without "optional program refused again" "$before" "$tampers"
	end_outflowd
	start_outflowd "$LAB_CONFIG"
	goes_on_without "optional program refused only then" "$before" "$tampers"
	end_outflowd
	config "accounts: 1000"
	afresh "optional program taken now, and limits changed" "map accounts: size 65536" operator
	is "optional program taken now" "$(missing)" '[]'
	end_outflowd
	rm "$LAB_PINS/live/"{links,progs}/link_xmit
	afresh "an optional program's pins removed" "program link_xmit: No such file" tamper
	stop_outflowd
	config ""
}

start_without_optional() {
	LD_PRELOAD=$B/live/mock_bpf.so MOCK_REFUSE_PROG=link_xmit start_outflowd "$LAB_CONFIG"
}

missing() {
	outflow status --json | jq -c .hooks_missing
}

goes_on_without() { # NAME IDS-BEFORE TAMPERS-BEFORE
	is "$1: goes on" "$(state) $(missing)" 'adopted ["interfaces"]'
	is "$1: the same maps, programs and links" "$(ids)" "$2"
	is "$1: no tamper record" "$(tampers)" "$3"
	says "$1: why interfaces are not compared" "$(outflow status --json | jq -r .reconcile.off)" \
		"the kernel refused the hook 'interfaces' when the probes were made"
	no_second_copy "$1"
	books_balanced "$1: balanced"
}

# Without a BPF file system it watches all the same, and says so.
without_bpffs() {
	config ""
	sed "s|$LAB_PINS|$LAB_DIR/plain/pins|" "$LAB_CONFIG" >"$LAB_DIR/plain.yaml"
	start_outflowd "$LAB_DIR/plain.yaml"
	is "no BPF file system: state" "$(state)" none
	says "no BPF file system: status" "$(outflow status)" 'pins +NONE.*is on no BPF file system'
	is "no BPF file system: one line" "$(grep -c 'is on no BPF file system' "$LAB_DIR/outflowd.log")" 1
	is "no BPF file system: nothing made" "$(ls -d "$LAB_DIR/plain" 2>/dev/null)" ""
	stop_outflowd
}

# Where /sys/fs/bpf is no BPF file system, one is mounted: in a mount namespace that ends with the test.
mounts_bpffs() {
	local pins=/sys/fs/bpf/outflow-test-$$ log=$LAB_DIR/outflowd.log

	sed "s|$LAB_PINS|$pins|" "$LAB_CONFIG" >"$LAB_DIR/default.yaml"
	# shellcheck disable=SC2016
	unshare --mount --propagation unchanged bash -c 'mount --make-rprivate /sys || exit
		! mountpoint -q /sys/fs/bpf || umount /sys/fs/bpf || exit
		exec "$@"' unshare "$B/outflowd" -f -c "$LAB_DIR/default.yaml" >"$log" 2>&1 &
	LAB_DAEMON=$!
	LAB_PIDS+=("$LAB_DAEMON")
	wait_for 30 lab_answers_or_ended
	is "below /sys/fs/bpf: pinned" "$(state)" pinned
	is "below /sys/fs/bpf: mounted, and said" \
		"$(grep -c 'mounted the BPF file system on /sys/fs/bpf' "$log")" 1
	is "below /sys/fs/bpf: there" "$(ls "/proc/$LAB_DAEMON/root$pins")" live
	kill "$LAB_DAEMON"
	wait "$LAB_DAEMON"
	is "below /sys/fs/bpf: ends well" $? 0
	lab_forget_pid "$LAB_DAEMON"
	LAB_DAEMON=
	is "below /sys/fs/bpf: nothing of it here" "$(ls -d "$pins" 2>/dev/null)" ""
}

# ---- Killed ----

# At moments of its start, before it answers, with nothing pinned yet and with a set there.
killed_at_start() {
	local i n=20 left

	config ""
	for ((i = 0; i < n; i++)); do
		"$B/outflowd" -f -c "$LAB_CONFIG" >>"$LAB_DIR/outflowd.log" 2>&1 &
		LAB_DAEMON=$!
		LAB_PIDS+=("$LAB_DAEMON")
		usleep_random 300000
		kill_outflowd
		[ $((i % 4)) -ne 3 ] || "$B/outflowd" --unload -c "$LAB_CONFIG" >/dev/null 2>&1
	done
	start_outflowd "$LAB_CONFIG"
	left=$(ls "$LAB_PINS")
	is "killed while starting, $n times: one set" "$left" live
	no_second_copy "killed while starting"
	books_balanced "killed while starting: balanced"
}

usleep_random() { # MOST-MICROSECONDS
	sleep "$(printf '0.%06d' $(((RANDOM * 32768 + RANDOM) % $1)))"
}

# Accounts and executions that are over are given back: it is killed in the midst of closing them, of
# giving back accounts, and of giving back executions. An account here is 1000 bytes.
killed_while_ageing() { # IDS
	local first=$1 sent start at n cut=0

	start=$(machine_says retired)
	kill_outflowd
	sent=$(in_sender "$B/lab/churn" --procs 1000 --flows 30000 --bytes-min 1000 --bytes-max 1000 --udp \
		--to "$FAR4_C:1-60000" | jq .sent)
	for at in delete push push executions executions; do
		n=$((RANDOM % 400 + 1))
		[ $at != executions ] || n=$((n + (start + sent - $(machine_says retired)) / 1000))
		killed_at "${at/executions/push}:$n"
		[ $(($(machine_says retired) - start)) -ge "$sent" ] || cut=$((cut + 1))
	done
	printf '  %s bytes in accounts that were over\n' "$sent"
	start_outflowd "$LAB_CONFIG"
	wait_for 20 retired_all $((start + sent))
	is "killed while ageing: all was retired" "$(retired_all $((start + sent)) && echo yes)" yes
	is "killed while ageing: three times in the midst of accounts" $cut 3
	is "killed while ageing: goes on with the same" "$(ids)" "$first"
	books_balanced "killed while ageing: balanced"
	grep 'may stay unused' "$LAB_DIR/outflowd.log" | sed 's/^/  /'
}

killed_at() { # push:N | delete:N
	local pid

	LD_PRELOAD=$B/live/mock_bpf.so MOCK_KILL=$1 "$B/outflowd" -f -c "$LAB_CONFIG" \
		>>"$LAB_DIR/outflowd.log" 2>&1 &
	pid=$!
	LAB_PIDS+=("$pid")
	wait_for 60 ended "$pid" 2>/dev/null || kill -TERM "$pid"
	wait "$pid"
	is "killed while ageing: at $1" $? 137
	lab_forget_pid "$pid"
}

# shellcheck disable=SC2317 # wait_for calls it
ended() { # PID
	! kill -0 "$1" 2>/dev/null
}

machine_says() { # FIELD
	bpftool -j map dump pinned "$LAB_PINS/live/maps/machine" | jq ".[0].formatted.value.$1"
}

# shellcheck disable=SC2317 # wait_for calls it
retired_all() { # BYTES
	[ "$(outflow ledger --json | jq .retired)" -ge "$1" ]
}

transfer() {
	local before pid i sent began alive=0 shell

	before=$(ids)
	rm -f "$LAB_DIR/in" "$LAB_DIR/held.out"
	mkfifo "$LAB_DIR/in"
	in_sender "$LAB_DIR/trivy" --way tcp-write --to "$FAR4_B:443" --bytes "$BYTES" --pause-us $PAUSE_US \
		--hold <"$LAB_DIR/in" >"$LAB_DIR/held.out" &
	shell=$!
	LAB_PIDS+=("$shell")
	exec 7>"$LAB_DIR/in"
	began=$SECONDS
	for ((i = 0; i < KILLS; i++)); do
		usleep_random 400000 # it needs a quarter of that to start
		kill_outflowd
		[ -s "$LAB_DIR/held.out" ] || alive=$((alive + 1))
		"$B/outflowd" -f -c "$LAB_CONFIG" >>"$LAB_DIR/killed.log" 2>&1 &
		LAB_DAEMON=$!
		LAB_PIDS+=("$LAB_DAEMON")
	done
	printf '  %s kills in %s s, %s of them during the transfer, seed %s\n' $i $((SECONDS - began)) $alive "$SEED"
	wait_for 30 lab_answers
	wait_for 120 test -s "$LAB_DIR/held.out"
	pid=$(jq .pid "$LAB_DIR/held.out")
	sent=$(jq .sent "$LAB_DIR/held.out")
	printf '  the sender counted %s bytes, done after %s s\n' "$sent" $((SECONDS - began))
	is "10 GB: the sender has sent all" "$sent" "$BYTES"
	is "10 GB: each kill was during the transfer" $alive $KILLS
	is "10 GB: posted to the process, to the byte" "$(flows_settle 10 "$sent" flows_of "$pid")" "$sent"
	books_balanced "10 GB: balanced"
	is "10 GB: the same maps, programs and links" "$(ids)" "$before"
	no_second_copy "10 GB"
	is "10 GB: nothing but goes on" "$(grep -c 'fresh books' "$LAB_DIR/killed.log")" 0
	wait_for 10 alerted "$pid" # it may just be being written
	is "10 GB: the alert is there" "$(alerted "$pid" && echo yes)" yes
	printf '  %s lines of alerts, %s of them cut\n' "$(wc -l <"$LAB_ALERTS")" \
		"$(jq -Rn '[inputs | try (fromjson | empty) catch 1] | length' "$LAB_ALERTS")"
	echo >&7
	exec 7>&-
	wait "$shell"
	lab_forget_pid "$shell"
}

lab_begin "${1:-build}"
need_programs bpftool unshare
need_built lab/send lab/churn lab/recv live/mock_bpf.so
printf 'seed %s\n' "$SEED"
RANDOM=$SEED
lab_net_new
far_start --tcp 443 --udp 443
cp "$B/lab/send" "$LAB_DIR/trivy"
: >"$LAB_ALERTS"
adoption
windows
second_daemon
unload
changes
optional
without_bpffs
mounts_bpffs
killed_at_start
killed_while_ageing "$(ids)"
transfer
stop_outflowd
lab_end
