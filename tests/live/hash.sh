#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# hash.sh: the SHA-256 of what was executed: equal to what sha256sum says, also of files that have no
# name; one reading for any number of executions; never of a file that was put there later; and no
# alert waits for it, whatever the file.
#
#	tests/live/hash.sh [BUILD]
#
# HASH_LARGE_BYTES  size of the large executable (2147483648); 0 skips its case
# HASH_EXECUTIONS   of one file, which is read once (1000)

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

BYTES=100000
EXECUTIONS=${HASH_EXECUTIONS:-1000}
LARGE=${HASH_LARGE_BYTES:-2147483648}
LARGE_MAX=4294967296 # SIZE_MAX_OF
STALL_SECONDS=10 # HELPERS_STALL_NS

config() {
	lab_config <<-END
		limits: {grace: 1h} # all executions are to be asked for
		roles:
		  sender:
		    match: [{name: "payer*"}, {name: "memfd:lineage"}, {name: "outflow-lineage.*"}]
		rules:
		  - id: upload
		    when: {role: sender, sent: {over: 32KiB, within: 10m, per: process}}
		    severity: high
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

hash_count() { # KEY
	outflow status --json | jq ".hash.$1"
}

# A process of the daemon's that hashes: opener or worker.
helper() { # ROLE
	pgrep -P "$LAB_DAEMON" -f "outflowd-hash $1"
}

# shellcheck disable=SC2317 # wait_for calls it
helper_is_another() { # ROLE PID
	local now

	now=$(helper "$1") && [ "$now" != "$2" ]
}

# What was found out about the file of the executions that a jq condition picks: "STATE SHA256" or
# "STATE null", each once.
hashes_of() { # JQ-CONDITION [jq's ARGUMENT...]
	local cond=$1

	shift
	outflow ps --json --all |
		jq -r "$@" ".process | select($cond) | \"\\(.sha256_state) \\(.sha256)\"" | sort -u
}

# shellcheck disable=SC2317 # settled calls it
hashes_of_exe() { # PATH
	# shellcheck disable=SC2016
	hashes_of '.exe == $exe' --arg exe "$1"
}

# Waits until nothing is pending of them.
# shellcheck disable=SC2317 # wait_for calls it
is_settled() { # COMMAND THAT PRINTS...
	local s

	s=$("$@")
	[ -n "$s" ] && ! grep -q pending <<<"$s"
}

settled() { # COMMAND THAT PRINTS...
	wait_for 30 is_settled "$@"
	"$@"
}

sum() { # FILE
	sha256sum <"$1" | cut -d' ' -f1
}

# Another program each time, whose content is its own.
program() { # NAME
	cp "$B/lab/send" "$LAB_DIR/$1" && echo "$1" >>"$LAB_DIR/$1"
}

sends() { # COMMAND...
	in_sender "$@" --way tcp-write --to "$FAR4:7000" --bytes $BYTES >/dev/null 2>&1 </dev/null
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # NAME
	jq -en --arg n "$1" 'any(inputs; .type == "alert" and .process.name == $n)' "$LAB_ALERTS" >/dev/null
}

# What the first record and the last say that have the id of the first alert about this program.
first_and_last() { # NAME
	jq -rn --arg n "$1" '[inputs] | map(select(.type == "alert" and .process.name == $n))[0].id as $id
		| map(select(.id == $id)) | "\(first.process.sha256_state), \(last.process | "\(.sha256_state) \(.sha256)")"' \
		"$LAB_ALERTS"
}

# shellcheck disable=SC2317 # wait_for calls it
last_is() { # NAME HASH
	[[ "$(first_and_last "$1")" == *", ok $2" ]]
}

plain_case() {
	program payer
	sends "$LAB_DIR/payer"
	is "a plain file: as sha256sum says" "$(settled hashes_of_exe "$LAB_REAL_DIR/payer")" "ok $(sum "$LAB_DIR/payer")"
	# The alert was there before the file was ever read; the second one finds it known.
	wait_for 10 alerted payer
	is "an alert does not wait for the first reading" \
		"$(jq -rn '[inputs | select(.type == "alert")][0].process.sha256_state | IN("ok", "pending")' "$LAB_ALERTS")" true
	wait_for 10 last_is payer "$(sum "$LAB_DIR/payer")"
	is "but is told again when it was read" "$(first_and_last payer | cut -d ' ' -f 2-)" "ok $(sum "$LAB_DIR/payer")"
	sends "$LAB_DIR/payer"
	wait_for 10 alerts_are 2
	is "an alert has what is known" \
		"$(jq -rn '[inputs | select(.type == "alert")][1].process | "\(.sha256_state) \(.sha256)"' "$LAB_ALERTS")" \
		"ok $(sum "$LAB_DIR/payer")"
}

# shellcheck disable=SC2317 # wait_for calls it
alerts_are() { # N
	[ "$(jq -n '[inputs | select(.type == "alert")] | length' "$LAB_ALERTS")" -ge "$1" ]
}

# Sends, and then stays until it is ended: $HELD is its pid.
sends_and_stays() { # COMMAND...
	in_sender "$@" --way tcp-write --to "$FAR4:7000" --bytes $BYTES --hold \
		>"$LAB_DIR/held.out" 2>&1 <"$LAB_DIR/hold" &
	LAB_PIDS+=($!)
	wait_for 10 grep -q sent "$LAB_DIR/held.out"
	HELD=$(jq -Rrn '[inputs | fromjson? | .pid // empty] | last' "$LAB_DIR/held.out")
	LAB_PIDS+=("$HELD")
}

held_ends() {
	lab_end_pids "$HELD"
	lab_forget_pid "$HELD"
}

# The last that the process executed.
# shellcheck disable=SC2317 # settled calls it
hash_of_pid() { # PID
	outflow ps --json --all | jq -rn --argjson pid "$1" '[inputs.process | select(.pid == $pid)]
		| max_by(.exec_id) | "\(.sha256_state) \(.sha256)"'
}

nameless_case() { # MODE
	program "$1"
	sends_and_stays "$B/lab/lineage" --mode "$1" -- "$LAB_DIR/$1"
	is "$1: as sha256sum says" "$(settled hash_of_pid "$HELD")" "ok $(sum "$LAB_DIR/$1")"
	held_ends
}

# What deletes itself as it runs: its ctime changed, its content cannot have.
unlinked_case() {
	local want

	program unlinked
	want=$(sum "$LAB_DIR/unlinked")
	kill -STOP "$(helper opener)"
	sends_and_stays "$LAB_DIR/unlinked"
	rm "$LAB_DIR/unlinked"
	kill -CONT "$(helper opener)"
	is "unlinked while it runs: as sha256sum said" "$(settled hash_of_pid "$HELD")" "ok $want"
	held_ends
}

times_read() { # INODE
	grep -c "hash: .*inode $1: read" "$LAB_DIR/outflowd.log"
}

once_case() {
	local i ino read

	cp "$(type -P true)" "$LAB_DIR/again" && echo again >>"$LAB_DIR/again"
	ino=$(stat -c %i "$LAB_DIR/again")
	read=$(times_read "$ino") # of a file that had that number before
	for ((i = 0; i < EXECUTIONS; i++)); do
		"$LAB_DIR/again"
	done
	is "$EXECUTIONS executions: one hash" "$(settled hashes_of_exe "$LAB_REAL_DIR/again")" "ok $(sum "$LAB_DIR/again")"
	is "$EXECUTIONS executions: all of them" "$(outflow ps --json --all | jq -n --arg exe "$LAB_REAL_DIR/again" \
		'[inputs.process | select(.exe == $exe and .sha256_state == "ok")] | length')" "$EXECUTIONS"
	is "$EXECUTIONS executions: the file was read once" \
		$(($(times_read "$ino") - read)) 1
}

# The opener is held while the file is replaced. It runs no longer than needed: it must be gone when
# the file is looked for, or it would be had by its process.
replaced_case() { # NAME COMMAND-THAT-REPLACES-IT...
	local name=$1 opener

	shift
	cp "$(type -P true)" "$LAB_DIR/$name" && echo "$name" >>"$LAB_DIR/$name"
	opener=$(helper opener)
	kill -STOP "$opener"
	"$LAB_DIR/$name"
	"$@"
	kill -CONT "$opener"
	is "$name: said, and no digest" "$(settled hashes_of_exe "$LAB_REAL_DIR/$name")" "changed null"
}

# In its place, with its size and its mtime.
# shellcheck disable=SC2317 # replaced_case calls it
rewrite() { # FILE
	cp -p "$1" "$1.times" && tr '[:lower:]' '[:upper:]' <"$1.times" >"$1" && touch -r "$1.times" "$1"
}

replaced_cases() {
	replaced_case renamed-over mv "$LAB_DIR/payer" "$LAB_DIR/renamed-over"
	replaced_case rewritten rewrite "$LAB_DIR/rewritten"
	above_zero "replaced: counted" "$(hash_count changed)"
	cp "$(type -P true)" "$LAB_DIR/removed" && echo removed >>"$LAB_DIR/removed"
	opener=$(helper opener)
	kill -STOP "$opener"
	"$LAB_DIR/removed"
	rm "$LAB_DIR/removed"
	kill -CONT "$opener"
	is "removed: said" "$(settled hashes_of_exe "$LAB_REAL_DIR/removed")" "gone null"
}

# In a mount namespace of its own, in an overlay.
in_overlay() { # DIRECTORY COMMAND [ARGUMENT...]
	local d=$1

	shift
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount -t overlay none -o "$1" "$2" && cd "$2" && shift 2 && exec "$@"' sh \
		"lowerdir=$d/lower,upperdir=$d/upper,workdir=$d/work" "$d/merged" "$@"
}

# Both in one tick of the clock: they differ by their numbers and their content alone. One is
# executed, and then its path leads to the other, until who did that is ended.
# shellcheck disable=SC2016
SWAP='mkdir executed other && cp "$(type -P true)" executed/swapped && cp executed/swapped other || exit
	echo 1 >>executed/swapped && echo 2 >>other/swapped || exit
	for ((i = 0; i < 1000; i++)); do
		touch -d @1000000000 executed/swapped other/swapped
		[ "$(stat -c %.9Z executed/swapped)" != "$(stat -c %.9Z other/swapped)" ] || break
	done
	executed/swapped && mv executed gone && mv other executed && echo $$ >"$1" && read -r _'

overlay_case() {
	local d=$LAB_DIR/overlay opener swapper

	mkdir -p "$d"/{lower,upper,work,merged}
	if ! in_overlay "$d" true 2>/dev/null; then
		skip "overlay" "this kernel or file system takes no overlay"
		return
	fi
	program payer-overlay && mv "$LAB_DIR/payer-overlay" "$d/lower"
	sends_and_stays in_overlay "$d" ./payer-overlay
	is "overlay: as sha256sum says" "$(settled hash_of_pid "$HELD")" "ok $(sum "$d/lower/payer-overlay")"
	held_ends
	opener=$(helper opener)
	kill -STOP "$opener"
	in_overlay "$d" bash -c "$SWAP" bash "$LAB_DIR/swapper" <"$LAB_DIR/hold" 2>"$LAB_DIR/swapper.err" &
	wait_for 10 test -s "$LAB_DIR/swapper"
	swapper=$(cat "$LAB_DIR/swapper")
	LAB_PIDS+=("$swapper")
	kill -CONT "$opener"
	is "overlay: swapped with another: said, and no digest" \
		"$(settled hashes_of_exe "$LAB_REAL_DIR/overlay/merged/executed/swapped")" "changed null"
	lab_end_pids "$swapper"
	lab_forget_pid "$swapper"
	# Its layers on two file systems number their files each for itself.
	sends_and_stays unshare -m sh -c "cp $d/lower/payer-overlay $d && mount -t tmpfs none $d/lower &&
		mv $d/payer-overlay $d/lower/payer-layer && echo layer >>$d/lower/payer-layer && sha256sum <$d/lower/payer-layer >$d/sum &&
		mount -t overlay none -o lowerdir=$d/lower,upperdir=$d/upper,workdir=$d/work,xino=off $d/merged &&
		exec $d/merged/payer-layer \"\$@\"" sh
	is "overlay of two file systems: as sha256sum says" "$(settled hash_of_pid "$HELD")" "ok $(cut -d ' ' -f 1 "$d/sum")"
	held_ends
}

killed_case() { # ROLE
	local old

	old=$(helper "$1")
	kill -9 "$old"
	if wait_for 10 helper_is_another "$1" "$old"; then
		ok "$1 killed: there is another"
	else
		not_ok "$1 killed" "no other one came"
	fi
	cp "$(type -P true)" "$LAB_DIR/after-$1" && echo "after $1" >>"$LAB_DIR/after-$1"
	"$LAB_DIR/after-$1"
	is "$1 killed: the next file is hashed" "$(settled hashes_of_exe "$LAB_REAL_DIR/after-$1")" "ok $(sum "$LAB_DIR/after-$1")"
}

# One that does not answer, as of a dead file system, is replaced; alerts go on meanwhile.
hang_case() { # ROLE
	local old

	old=$(helper "$1")
	kill -STOP "$old"
	program "payer-$1"
	sends "$LAB_DIR/payer-$1"
	if wait_for $((STALL_SECONDS / 2)) alerted "payer-$1"; then
		ok "$1 hangs: alerts go on"
	else
		not_ok "$1 hangs" "no alert"
	fi
	if wait_for $((STALL_SECONDS * 3)) helper_is_another "$1" "$old"; then
		ok "$1 hangs: there is another"
	else
		not_ok "$1 hangs" "no other one came"
	fi
	is "$1 hangs: the file is hashed then" "$(settled hashes_of_exe "$LAB_REAL_DIR/payer-$1")" "ok $(sum "$LAB_DIR/payer-$1")"
}

# They are what they should be: nobody, with next to nothing.
confined_case() {
	local role caps

	for role in opener:0000000000080004 worker:0000000000000000; do
		caps=$(awk '/^CapPrm|^CapEff|^CapInh/ { print $2 }' "/proc/$(helper "${role%:*}")/status" | sort -u | tail -n 1)
		is "${role%:*}: capabilities" "$caps" "${role#*:}"
		is "${role%:*}: seccomp, no new privileges, not root" \
			"$(awk '/^Seccomp:|^NoNewPrivs:/ { printf "%s ", $2 } /^Uid:/ { print ($2 != 0) }' "/proc/$(helper "${role%:*}")/status" | tr '\n' ' ')" "1 1 2 "
	done
}

# The far end notes nothing of time: the sender's clock before its first byte, and the line in the
# file. To look for it costs next to nothing.
late_ms() { # NAME
	local begun end=$((${EPOCHREALTIME/[.,]/} + 20000000))

	begun=${EPOCHREALTIME/[.,]/}
	sends "$LAB_DIR/$1"
	until grep -q "\"name\":\"$1\"" "$LAB_ALERTS"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || break
	done
	echo $(((${EPOCHREALTIME/[.,]/} - begun) / 1000))
}

# shellcheck disable=SC2317 # wait_for calls it
is_pending() { # NAME
	[[ "$(hashes_of ".name == \"$1\"")" == pending* ]]
}

# Sparse, and another one each time. It stays until it is ended.
large_stays() { # NAME BYTES
	cp "$B/lab/send" "$LAB_DIR/$1" && echo "$1" >>"$LAB_DIR/$1" && truncate -s "$2" "$LAB_DIR/$1"
	sends_and_stays "$LAB_DIR/$1"
	wait_for 10 is_pending "$1"
}

# The worst of five alerts, in $WORST.
idle_round() { # NUMBER
	local i ms

	WORST=0
	for ((i = 0; i < 5; i++)); do
		program "payer-idle$1-$i"
		ms=$(late_ms "payer-idle$1-$i")
		[ "$ms" -le "$WORST" ] || WORST=$ms
	done
}

# The same while a large file is to be hashed: one that came when that was done tells nothing, and
# there is another file then, larger if that may be. False: not five in twenty.
large_round() { # NUMBER
	local i ms n=0

	WORST=0
	for ((i = 0; n < 5 && i < 20; i++)); do
		program "payer-late$1-$i"
		ms=$(late_ms "payer-late$1-$i")
		if is_pending "$LARGE_NAME"; then
			n=$((n + 1))
			[ "$ms" -le "$WORST" ] || WORST=$ms
			continue
		fi
		held_ends
		LARGE_NAME=payer-large$1-$i
		LARGE=$((LARGE * 2 < LARGE_MAX ? LARGE * 2 : LARGE_MAX))
		large_stays "$LARGE_NAME" "$LARGE"
	done
	[ $n -eq 5 ]
}

# What waits for a hash is late each time. One of five is also late on a machine that has more to do:
# then they are all measured again.
large_case() {
	local round idle late sum

	if [ "$LARGE" -eq 0 ]; then
		skip "large file" "HASH_LARGE_BYTES is 0"
		return
	fi
	for round in 1 2 3; do
		idle_round $round
		idle=$WORST
		late=
		LARGE_NAME=payer-large$round
		large_stays $LARGE_NAME "$LARGE"
		is "large file: it waits" $? 0
		if large_round $round; then
			late=$((WORST - idle))
			echo "# alerts: at most $idle ms from the sender's start to the line; $WORST ms while $LARGE bytes are hashed"
		fi
		wait_for 300 is_settled hashes_of ".name == \"$LARGE_NAME\""
		held_ends
		[ "${late:-0}" -gt 200 ] || break
	done
	is "large file: five alerts while it was pending" "${late:+yes}" yes
	is "large file: none is later by more than 200 ms" "$((${late:-1000} <= 200))" 1
	sum=$(sum "$LAB_DIR/$LARGE_NAME")
	is "large file: as sha256sum says" "$(hashes_of ".name == \"$LARGE_NAME\"")" "ok $sum"
	is "large file: the alert came before, and was told again" "$(first_and_last "$LARGE_NAME")" "pending, ok $sum"
}

# All that is alive when the daemon starts; and its processes end with it, however it ends.
ends_case() {
	local opener worker

	opener=$(helper opener)
	worker=$(helper worker)
	kill_outflowd
	is "daemon killed: its processes end" "$(wait_for 10 lab_ended "$opener" && wait_for 10 lab_ended "$worker" && echo yes)" yes
	start_outflowd "$LAB_CONFIG"
	is "what runs at the start is hashed" "$(settled hashes_of ".pid == $$")" "ok $(sum "/proc/$$/exe")"
}

alerts_with_hashes() { # FILE
	jq -c 'select(.type == "alert") | [.process.name, .process.sha256_state, .process.sha256]' "$1"
}

# The hashes are in the recording: nothing is read again, and what is pending stays it.
replay_case() {
	rm -f "$LAB_DIR"/payer*
	"$B/outflow" replay "$LAB_DIR/recording" -c "$LAB_CONFIG" --json \
		>"$LAB_DIR/replay.out" 2>/dev/null
	alerts_with_hashes "$LAB_ALERTS" >"$LAB_DIR/live.hashes"
	is "replay: the same hashes" "$(alerts_with_hashes "$LAB_DIR/replay.out" |
		cmp - "$LAB_DIR/live.hashes" 2>&1)" ""
	above_zero "replay: alerts with a hash" "$(grep -c '"ok"' "$LAB_DIR/live.hashes")"
}

lab_begin "${1:-build}"
need_programs sha256sum pgrep
need_built lab/send lab/lineage lab/recv
lab_net_new
far_start --tcp 7000
mkfifo "$LAB_DIR/hold" && exec 9<>"$LAB_DIR/hold" # nothing ever comes from it, not even its end
config
start_outflowd "$LAB_CONFIG" -v --record "$LAB_DIR/recording"
plain_case
nameless_case memfd
nameless_case deleted
unlinked_case
once_case
replaced_cases
overlay_case
confined_case
large_case
killed_case opener
killed_case worker
hang_case opener
hang_case worker
replay_case
ends_case
far_stop
stop_outflowd
lab_end
