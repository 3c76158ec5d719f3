#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# idle.sh: on a machine where nothing happens the daemon costs next to nothing. Prints wake-ups,
# processor share and memory over IDLE_SECONDS (10), during which nobody asks it anything; fails
# above 2 wake-ups a second or 16 MiB of resident memory, and, when it looked for a minute or more,
# above 0.1 % of a processor.
#
#	tests/live/idle.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SECONDS_IDLE=${IDLE_SECONDS:-10}
WAKEUPS_MAX=2   # a second
RSS_MAX=16384   # KiB
CPU_MAX=0.1     # percent, over a minute or more

# Of the whole process, every thread.
# Times it slept; that others took its processor from it is not its doing.
wakeups() {
	cat "/proc/$LAB_DAEMON/task/"*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'
}

# User and system time, in ticks; behind the name, which may hold anything.
ticks() {
	sed 's/.*) //' "/proc/$LAB_DAEMON/stat" | awk '{ print $12 + $13 }'
}

kib() { # NAME in smaps_rollup
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$LAB_DAEMON/smaps_rollup"
}

below() { # NAME NUMBER LIMIT
	if awk -v n="$2" -v max="$3" 'BEGIN { exit !(n < max) }'; then
		ok "$1: $2, limit $3"
	else
		not_ok "$1" "$2, expected less than $3"
	fi
}

# The largest parts of it, by what is mapped there.
rss_parts() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { name = $6 == "" ? "[anonymous]" : $6 }
		/^Rss:/ { kib[name] += $2 }
		END { for (name in kib) if (kib[name] > 0) print kib[name], name }' \
		"/proc/$LAB_DAEMON/smaps" | sort -rn | head -n 12 | sed 's/^/    KiB /'
}

# What the programs run by others meanwhile cost is not the daemon's: forks of the machine, to tell
# an idle one from a busy one.
forks() {
	awk '$1 == "processes" { print $2 }' /proc/stat
}

look() {
	local wakes cpu began took forked

	wakes=$(wakeups)
	cpu=$(ticks)
	forked=$(forks)
	began=${EPOCHREALTIME/[.,]/}
	sleep "$SECONDS_IDLE" # the one thing here that is about time passing
	took=$((${EPOCHREALTIME/[.,]/} - began))
	wakes=$(awk -v n=$(($(wakeups) - wakes)) -v us=$took 'BEGIN { printf "%.2f", n * 1e6 / us }')
	cpu=$(awk -v n=$(($(ticks) - cpu)) -v us=$took -v hz="$(getconf CLK_TCK)" \
		'BEGIN { printf "%.3f", n / hz * 1e8 / us }')
	forked=$(($(forks) - forked))
	printf '  %s s, %d threads, %d processes forked on the machine meanwhile\n' "$SECONDS_IDLE" \
		"$(find "/proc/$LAB_DAEMON/task" -mindepth 1 -maxdepth 1 | wc -l)" "$forked"
	printf '  wake-ups/s %s  cpu %s %%  RSS %s KiB  PSS %s KiB\n' "$wakes" "$cpu" \
		"$(kib Rss)" "$(kib Pss)"
	rss_parts
	below "wake-ups a second" "$wakes" $WAKEUPS_MAX
	below "resident memory, KiB" "$(kib Rss)" $RSS_MAX
	if [ "$SECONDS_IDLE" -ge 60 ]; then
		below "processor, %" "$cpu" $CPU_MAX
	fi
}

lab_begin "${1:-build}"
need_programs awk getconf
# The configuration that is shipped, with paths of this test's own.
lab_config < <(sed -n '/^networks:/,/^sinks:/p' "$(dirname "$0")/../../config/outflow.yaml" |
	sed '/^sinks:/d' && echo "sinks: [{type: file, path: $LAB_ALERTS, format: json}]")
start_outflowd "$LAB_CONFIG"
look
is "still answers" "$(outflow status --json | jq .pid)" "$LAB_DAEMON"
stop_outflowd
lab_end
