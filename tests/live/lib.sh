# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# lib.sh: what the live tests share. Source it from bash, call lab_begin first and lab_end last.
#
# Traffic stays on loopback and inside network namespaces that the test makes; what was made goes
# away however the test ends. Nothing here waits for time to pass: everything waits for a condition,
# with a deadline.

LAB_PASSED=0
LAB_FAILED=0
LAB_SKIPPED=0
LAB_PIDS=()	# ours, still to be ended
LAB_NETS=()	# network namespaces, still to be removed
LAB_DIR=	# for files; removed at the end
LAB_DAEMON=	# pid of outflowd
LAB_STARTED=	# its configuration
LAB_FAR=	# pid of recv

# Addresses: the sender has .1, the far end the others.
FAR4=198.51.100.2
FAR4_B=203.0.113.2
FAR4_C=203.0.113.9
FAR6=2001:db8:1::2

ok() { # NAME
	LAB_PASSED=$((LAB_PASSED + 1))
	printf 'ok %s\n' "$1"
}

not_ok() { # NAME DETAIL
	LAB_FAILED=$((LAB_FAILED + 1))
	printf 'not ok %s: %s\n' "$1" "$2"
}

skip() { # NAME REASON
	LAB_SKIPPED=$((LAB_SKIPPED + 1))
	printf 'skip %s: %s\n' "$1" "$2"
}

is() { # NAME GOT EXPECTED
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', expected '$3'"
	fi
}

above_zero() { # NAME NUMBER
	if [ "$2" -gt 0 ] 2>/dev/null; then
		ok "$1 ($2)"
	else
		not_ok "$1" "it is '$2'"
	fi
}

# Prints the summary and ends the test: 0 when nothing failed.
lab_end() {
	printf '%d passed, %d failed, %d skipped\n' "$LAB_PASSED" "$LAB_FAILED" "$LAB_SKIPPED"
	[ "$LAB_FAILED" -eq 0 ]
	exit
}

lab_begin() { # [BUILD]
	B=$(realpath -m "${1:-build}")
	LAB_NAME=$(basename "$0" .sh)
	need_root
	need_programs jq ip nft nsenter
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/outflow-$LAB_NAME.XXXXXX") || exit 1
	LAB_SOCK=$LAB_DIR/control.sock
	LAB_PINS=$LAB_DIR/bpf/outflow
	# shellcheck disable=SC2034 # for the tests that raise alerts
	LAB_ALERTS=$LAB_DIR/alerts.jsonl
	# As the kernel writes it, which knows of no chroot.
	# shellcheck disable=SC2034 # for the tests
	LAB_REAL_DIR=$(lab_real_root)$LAB_DIR
	trap lab_clean EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# Where this root lies on the machine: "" unless it is a chroot's, of which nothing in here tells but
# what outflow itself has seen.
lab_real_root() {
	local exe

	mountpoint -q / && return
	cp "$(type -P true)" "$LAB_DIR/lab-root"
	lab_config </dev/null
	start_outflowd "$LAB_CONFIG" >&2
	"$LAB_DIR/lab-root"
	exe=$(outflow ps --json --all | jq -r '.process | select(.name == "lab-root").exe // empty' | tail -n 1)
	stop_outflowd >&2
	echo "${exe%"$LAB_DIR/lab-root"}"
}

need_root() {
	if [ "$(id -u)" -ne 0 ]; then
		skip "$LAB_NAME" "needs root"
		lab_end
	fi
}

need_programs() {
	local p

	for p in "$@"; do
		if ! command -v "$p" >/dev/null; then
			not_ok "$LAB_NAME" "'$p' is missing; run packaging/deps"
			lab_end
		fi
	done
}

# Not every Debian release has them; the log of packaging/deps says why they are not here.
may_lack() { # PROGRAM...
	local p

	for p in "$@"; do
		if ! command -v "$p" >/dev/null; then
			skip "$LAB_NAME" "'$p' is not installed: packaging/deps ci"
			lab_end
		fi
	done
}

need_built() { # NAME... below the build folder
	local p

	for p in "$@"; do
		if [ ! -x "$B/$p" ]; then
			not_ok "$LAB_NAME" "$B/$p is not built"
			lab_end
		fi
	done
}

lab_clean() {
	local p

	trap - EXIT
	trap '' HUP INT TERM
	lab_end_pids "${LAB_PIDS[@]}"
	for p in "${LAB_NETS[@]}"; do
		# Whoever is in there was started by this test.
		# shellcheck disable=SC2046
		lab_end_pids $(ip netns pids "$p" 2>/dev/null)
		ip netns del "$p" 2>/dev/null
	done
	if mountpoint -q "$LAB_DIR/bpf"; then
		umount "$LAB_DIR/bpf"
	fi
	if [ -n "${LIVE_KEEP:-}" ]; then
		echo "# kept: $LAB_DIR"
	else
		rm -rf --one-file-system "$LAB_DIR"
	fi
}

# Asks, waits, and insists.
lab_end_pids() { # PID...
	local p

	for p in "$@"; do
		kill "$p" 2>/dev/null
	done
	for p in "$@"; do
		wait_for 5 lab_ended "$p" || kill -9 "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
}

# A child that nobody waited for yet counts as ended.
lab_ended() { # PID
	local state

	state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 0
	[ -z "$state" ] || [ "$state" = Z ]
}

lab_forget_pid() { # PID
	local p left=()

	for p in "${LAB_PIDS[@]}"; do
		[ "$p" = "$1" ] || left+=("$p")
	done
	LAB_PIDS=("${left[@]}")
}

# Exactly N characters, drawn from SET as tr(1) takes it; 64 bytes for each, of which a set of 20 leaves
# enough, always.
random_text() { # SET N
	head -c $((64 * $2)) /dev/urandom | LC_ALL=C tr -dc "$1" | head -c "$2"
}

# 0 as soon as the command succeeds, 1 when it did not within SECONDS.
wait_for() { # SECONDS COMMAND...
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))

	shift
	until "$@"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# ---- Two namespaces and a wire ----

# Sets SENDER_NET and FAR_NET. Everything that is not on the wire goes to the far end.
lab_net_new() {
	SENDER_NET=outflow-s-$$-${#LAB_NETS[@]}
	FAR_NET=outflow-f-$$-${#LAB_NETS[@]}
	LAB_NETS+=("$SENDER_NET" "$FAR_NET")
	if ! lab_net_make 2>"$LAB_DIR/net.log"; then
		not_ok "$LAB_NAME" "no network namespaces: $(tail -n 1 "$LAB_DIR/net.log")"
		lab_end
	fi
}

# Not by `ip -n`, which wants to remount / and cannot where / is a chroot's.
lab_net_make() {
	ip netns add "$SENDER_NET" && ip netns add "$FAR_NET" || return
	in_sender lab_net_sysctl && in_far lab_net_sysctl || return
	# 65535 is the most a veth takes: large datagrams pass in one piece.
	in_sender ip link add wire mtu 65535 type veth \
		peer name wire mtu 65535 netns "$FAR_NET" || return
	lab_net_up "$SENDER_NET" 198.51.100.1/24 2001:db8:1::1/64 || return
	lab_net_up "$FAR_NET" $FAR4/24 $FAR4_B/24 $FAR4_C/24 $FAR6/64 || return
	in_sender ip route add default via $FAR4 || return
	in_sender ip -6 route add default via $FAR6
}

lab_net_up() { # NET ADDRESS...
	local net=$1 a

	shift
	in_net "$net" ip link set lo up && in_net "$net" ip link set wire up || return
	for a in "$@"; do
		case $a in
		*:*) in_net "$net" ip addr add "$a" dev wire nodad || return ;;
		*) in_net "$net" ip addr add "$a" dev wire || return ;;
		esac
	done
}

# Runs inside the namespace; its /proc/sys/net is its own.
lab_net_sysctl() {
	local s=/proc/sys/net

	echo 0 >$s/ipv4/conf/all/rp_filter &&
		echo 0 >$s/ipv4/conf/default/rp_filter &&
		echo 0 >$s/ipv6/conf/default/accept_dad &&
		echo 0 >$s/ipv6/conf/default/accept_ra &&
		echo 0 2147483647 >$s/ipv4/ping_group_range || return
	# Fast open for both ends, data in the SYN without a cookie; absent on some kernels.
	echo 0x207 >$s/ipv4/tcp_fastopen 2>/dev/null || :
}

# A function of this file or a program. A program takes the place of the subshell: $! is its pid.
in_net() { # NET COMMAND...
	local net=$1

	shift
	if [ "$(type -t "$1")" = function ]; then
		# shellcheck disable=SC2016
		nsenter --net="/run/netns/$net" bash -c "$(declare -f "$1"); \"\$@\"" in_net "$@"
	else
		nsenter --net="/run/netns/$net" "$@"
	fi
}

in_sender() {
	in_net "$SENDER_NET" "$@"
}

in_far() {
	in_net "$FAR_NET" "$@"
}

# Starts recv at the far end and waits until it listens.
far_start() { # recv's ARGUMENT...
	FAR_OUT=$LAB_DIR/far.out
	: >"$FAR_OUT"
	nsenter --net="/run/netns/$FAR_NET" "$B/lab/recv" "$@" >"$FAR_OUT" 2>"$LAB_DIR/far.err" &
	LAB_FAR=$!
	LAB_PIDS+=("$LAB_FAR")
	if ! wait_for 10 grep -q ready "$FAR_OUT"; then
		not_ok "far end" "recv $*: $(cat "$LAB_DIR/far.err")"
		lab_end
	fi
}

# Lets it take what is still on its way; its counts are then in $FAR_OUT.
far_stop() {
	kill "$LAB_FAR" 2>/dev/null
	wait "$LAB_FAR"
	lab_forget_pid "$LAB_FAR"
	LAB_FAR=
}

far_received() { # PROTO
	jq -r --arg p "$1" 'select(.proto == $p).received' "$FAR_OUT"
}

# Counts UDP payload as it arrives at the far end, from zero, independently of any socket: loss in a
# full receive buffer comes later, and on the wire the sender's own buffer is the limit.
far_count_udp() { # PORT
	in_far nft -f - <<-END
		table inet outflow_count
		delete table inet outflow_count
		table inet outflow_count {
			chain input {
				type filter hook prerouting priority -500;
				ip protocol udp udp dport $1 counter
				ip6 nexthdr udp udp dport $1 counter
			}
		}
	END
}

# Payload bytes: what nft counted less the headers (IPv4 20 + 8, IPv6 40 + 8 per packet). Packets
# that were cut into fragments are counted in pieces: keep datagrams below the MTU.
far_counted_udp() {
	in_far nft -j list table inet outflow_count |
		jq '[.nftables[].rule // empty | .expr
			| (if any(.[]; .match.left.payload.protocol? == "ip6") then 48 else 28 end) as $head
			| .[].counter // empty | .bytes - .packets * $head] | add'
}

# ---- The daemon ----

# Writes $LAB_CONFIG: paths of this test's own, then what comes on stdin.
lab_config() {
	LAB_CONFIG=$LAB_DIR/outflow.yaml
	{
		echo 'version: 1'
		echo "paths: {control: $LAB_SOCK, state: $LAB_DIR/state, pins: $LAB_PINS}"
		cat
	} >"$LAB_CONFIG"
	chmod 0644 "$LAB_CONFIG"
}

# An upload by a ci-runner, or by what acts for it, is an alert, also long after that ended.
lab_config_runner() {
	lab_config <<-END
		limits: {grace: 1h}
		roles:
		  runner:
		    match: [{name: ci-runner}]
		rules:
		  - id: upload
		    when: {role: runner, sent: {over: 32KiB, within: 10m, per: lineage}}
		    severity: high
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

outflow() { # outflow's ARGUMENT...
	"$B/outflow" -s "$LAB_SOCK" "$@"
}

lab_answers() {
	outflow status --json >/dev/null 2>&1
}

lab_answers_or_ended() {
	lab_answers || lab_ended "$LAB_DAEMON"
}

# A file system of this test's own for the pins: nothing of a daemon that crashed stays behind, and
# one that runs on this machine is left alone.
lab_bpffs() {
	mkdir -p "$LAB_DIR/bpf"
	if ! mountpoint -q "$LAB_DIR/bpf" && ! mount -t bpf bpf "$LAB_DIR/bpf"; then
		not_ok "outflowd" "no BPF file system can be mounted"
		lab_end
	fi
}

# In the background, with the paths of its configuration; returns when it answers. With LAB_NETNS it
# runs in that network namespace.
start_outflowd() { # CONFIGFILE [ARGUMENT...]
	local config=$1

	shift
	if [ ! -x "$B/outflowd" ] || [ ! -x "$B/outflow" ]; then
		not_ok "outflowd" "$B/outflowd or $B/outflow is not built"
		lab_end
	fi
	mkdir -p "$LAB_DIR/state" && chmod 0700 "$LAB_DIR/state"
	lab_bpffs
	LAB_STARTED=$config
	${LAB_NETNS:+nsenter --net="/run/netns/$LAB_NETNS"} "$B/outflowd" -f -c "$config" "$@" \
		>"$LAB_DIR/outflowd.log" 2>&1 &
	LAB_DAEMON=$!
	LAB_PIDS+=("$LAB_DAEMON")
	wait_for 90 lab_answers_or_ended # emulated and busy, the verifier takes half a minute
	if ! lab_answers; then
		not_ok "outflowd" "does not answer: $(tail -n 3 "$LAB_DIR/outflowd.log" | tr '\n' ' ')"
		lab_end
	fi
}

# As a crash would. Its pins stay.
kill_outflowd() {
	kill -9 "$LAB_DAEMON"
	wait "$LAB_DAEMON" 2>/dev/null
	lab_forget_pid "$LAB_DAEMON"
	LAB_DAEMON=
}

# Fails the test when it does not end well. Its pins stay for the next one.
end_outflowd() {
	local status

	[ -n "$LAB_DAEMON" ] || return 0
	kill "$LAB_DAEMON" 2>/dev/null
	if ! wait_for 10 lab_ended "$LAB_DAEMON"; then
		not_ok "outflowd ends" "still there 10 s after SIGTERM"
		kill -9 "$LAB_DAEMON"
	fi
	wait "$LAB_DAEMON"
	status=$?
	[ "$status" -eq 0 ] || not_ok "outflowd ends" "status $status: $(tail -n 1 "$LAB_DIR/outflowd.log")"
	lab_forget_pid "$LAB_DAEMON"
	LAB_DAEMON=
}

# The same, and takes its pins away.
stop_outflowd() {
	local out

	[ -n "$LAB_DAEMON" ] || return 0
	end_outflowd
	if ! out=$("$B/outflowd" --unload -c "$LAB_STARTED" 2>&1) || [ -e "$(lab_pins)" ]; then
		not_ok "outflowd --unload" "$out"
	fi
}

# Where the configuration of the daemon that was started last has its pins.
lab_pins() {
	sed -n 's/^paths:.* pins: \([^}]*\)}$/\1/p' "$LAB_STARTED"
}

# While somebody on this machine sends, the sums are not read at one moment: tried again.
# A real one, which listens at $LAB_DIR/log.sock and writes $LAB_DIR/syslog.
start_rsyslog() {
	need_programs rsyslogd
	cat >"$LAB_DIR/rsyslog.conf" <<-END
		global(workDirectory="$LAB_DIR")
		module(load="imuxsock" SysSock.Use="off")
		input(type="imuxsock" Socket="$LAB_DIR/log.sock")
		action(type="omfile" file="$LAB_DIR/syslog" asyncWriting="off")
	END
	rsyslogd -n -f "$LAB_DIR/rsyslog.conf" -i "$LAB_DIR/rsyslog.pid" >"$LAB_DIR/rsyslog.log" 2>&1 &
	LAB_PIDS+=($!)
	if ! wait_for 10 test -S "$LAB_DIR/log.sock"; then
		not_ok "rsyslogd" "does not listen: $(tail -n 1 "$LAB_DIR/rsyslog.log")"
		lab_end
	fi
}

books_balanced() { # NAME
	if wait_for 20 lab_balanced; then
		ok "$1"
	else
		not_ok "$1" "$(outflow ledger --json)"
	fi
}

lab_balanced() {
	[ "$(outflow ledger --json | jq .balanced)" = true ]
}

# Sum over the flows that a jq condition picks.
flows_sum() { # JQ-CONDITION [jq's ARGUMENT...]
	local cond=$1

	shift
	outflow flows --json | jq -n "$@" "[inputs | select($cond) | .bytes.sent] | add // 0"
}

# By a look at the lines as the daemon writes them: jq takes ten times as long, which is half a minute
# where a test has filled the tables.
flows_of() { # PID
	flows_with "{\"process\":{\"pid\":$1,"
}

# Of the lines that have all of these texts, the first of them at the start.
flows_with() { # TEXT...
	outflow flows --json | LC_ALL=C grep -F -- "${!#}" | LC_ALL=C awk '
		BEGIN {
			for (n = 1; n < ARGC; n++)
				text[n] = ARGV[n]
			ARGC = 1
		}
		substr($0, 1, length(text[1])) != text[1] { next }
		{
			for (i = 2; i < n; i++)
				if (!index($0, text[i]))
					next
			if (match($0, /"bytes":\{"sent":[0-9]+/))
				sum += substr($0, RSTART + 16, RLENGTH - 16)
		}
		END { printf "%.0f\n", sum }' "$@"
}

flows_of_exe() { # PATH
	# shellcheck disable=SC2016
	flows_sum '.process.exe == $exe' --arg exe "$1"
}

# The daemon hears of sends a moment after they are made: waits until the sum is N (or the
# deadline passed), and prints what it was then. A second look would cost a full table's seconds.
flows_settle() { # SECONDS N COMMAND-THAT-PRINTS-A-SUM...
	local LAB_PRINTED=

	wait_for "$1" lab_prints "${@:2}"
	printf '%s\n' "$LAB_PRINTED"
}

lab_prints() { # TEXT COMMAND...
	local text=$1

	shift
	LAB_PRINTED=$("$@")
	[ "$LAB_PRINTED" = "$text" ]
}
