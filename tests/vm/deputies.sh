#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# deputies.sh: what systemd, atd and cron start for a watched lineage, each as a machine runs it: the
# alert says by whom it was asked for. tests/live/via.sh and tests/live/spool.sh have more cases, with
# deputies of their own.
#
#	tests/vm/deputies.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=../live/lib.sh
. "$(dirname "$0")/../live/lib.sh"

BYTES=100000

# A program that sends, of this name, as a command.
payer() { # NAME
	cp "$B/lab/send" "$LAB_DIR/$1"
	echo "$LAB_DIR/$1 --way tcp-write --to $FAR4:7000 --bytes $BYTES >/dev/null 2>&1"
}

# The same for those that run in the machine's own network.
payer_there() { # NAME
	echo "nsenter --net=/run/netns/$SENDER_NET $(payer "$1")"
}

# A unit of this name that does it; by the system bus when it is waited for, else by systemd's socket.
unit() { # NAME [OPTION...]
	local name=$1

	shift
	echo "systemd-run --quiet --collect --unit=$name $* -p NetworkNamespacePath=/run/netns/$SENDER_NET" \
		"sh -c '$(payer "$name")'"
}

runner() { # COMMAND
	"$LAB_DIR/ci-runner" -c "$1" 2>&1
}

main_pid() { # UNIT
	systemctl show -P MainPID "$1"
}

alert_of() { # NAME
	jq -c --arg n "$1" 'select(.type == "alert" and .process.name == $n)' "$LAB_ALERTS"
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # NAME
	grep -qs "\"name\":\"$1\"" "$LAB_ALERTS"
}

# shellcheck disable=SC2317 # lab_prints calls it
flows_named() { # NAME
	# shellcheck disable=SC2016
	flows_sum '.process.name == $n' --arg n "$1"
}

# A socket's or a file's path is a pattern. Of systemd the runner asks twice, perhaps within one window:
# then there was one other ask.
linked() { # NAME SECONDS KIND PATH DEPUTY ASKER CGROUP
	local a path

	wait_for "$2" alerted "$1"
	a=$(alert_of "$1")
	is "$1: alerts" "$(grep -c . <<<"$a")" 1
	path=$(jq -r '.via.socket // .via.file' <<<"$a")
	# shellcheck disable=SC2053 # it is a pattern
	if [[ $path == $4 ]]; then
		ok "$1: $path"
	else
		not_ok "$1: asked by" "got '$path', expected '$4'"
	fi
	is "$1: via" "$(jq -c '.via | [.kind, .deputy, .passed_on, .inferred, (.others | type)]' <<<"$a")" \
		"[\"$3\",\"$5\",[],true,\"number\"]"
	is "$1: who asked" "$(jq -c '.via.asked_by | [.name, any(.lineage[]; startswith("ci-runner["))]' <<<"$a")" \
		"[\"$6\",true]"
	is "$1: whose it is" "$(jq -c '[.roles, any(.lineage[]; startswith("ci-runner[")), .lineage[0], .process.cgroup]' <<<"$a")" \
		"[[\"runner\"],false,\"systemd[1]\",\"/system.slice/$7.service\"]"
	is "$1: bytes" "$(flows_settle 10 $BYTES flows_named "$1")" $BYTES
}

unlinked() { # NAME SECONDS
	is "$1: bytes" "$(flows_settle "$2" $BYTES flows_named "$1")" $BYTES
	is "$1: no role, no via" "$(outflow flows --json | jq -c --arg n "$1" 'select(.process.name == $n) | [.roles, .via]')" '[[],null]'
	is "$1: no alert" "$(alert_of "$1")" ""
}

lab_begin "${1:-build}"
need_built lab/send lab/recv
if [ -z "${LAB_OWN_MACHINE:-}" ] || [ ! -d /run/systemd/system ]; then
	skip "$LAB_NAME" "the machine is not the tests' own, or has no systemd: tests/vm/try build 6.12-systemd"
	lab_end
fi
is "the machine is up" "$(systemctl is-system-running --wait)" running
lab_net_new
far_start --tcp 7000
cp "$(realpath /bin/sh)" "$LAB_DIR/ci-runner"
lab_config_runner
start_outflowd "$LAB_CONFIG"

# Others first: within some seconds of the runner's asks all that systemd starts is laid to it.
eval "$(unit others-bus --wait)"
eval "$(unit others-own)"
payer_there others-at | at now 2>"$LAB_DIR/at.log"
unlinked others-bus 30
unlinked others-own 30
unlinked others-at 60

# Both tables are read in the same minute.
echo "* * * * * root rm /etc/cron.d/others; $(payer_there others-cron)" >/etc/cron.d/others
echo "* * * * * crontab -r; $(payer_there cron-planted)" >"$LAB_DIR/tab"
runner "crontab $LAB_DIR/tab"
runner "echo '$(payer_there at-planted)' | at now"
runner "$(unit own-planted)"
runner "$(unit bus-planted --wait)"
linked own-planted 30 systemd /run/systemd/private "systemd[1]" systemd-run own-planted
linked bus-planted 30 systemd /run/dbus/system_bus_socket "systemd[1]" systemd-run bus-planted
linked at-planted 60 at '/var/spool/cron/atjobs/a*' "atd[$(main_pid atd)]" at atd
linked cron-planted 90 cron /var/spool/cron/crontabs/root "cron[$(main_pid cron)]" crontab cron
unlinked others-cron 30
books_balanced "books are balanced"
is "nothing was missed" "$(outflow status --json | jq .loss.tracking)" 0
far_stop
is "the far end got all of it" "$(far_received tcp)" $((8 * BYTES))
stop_outflowd
lab_end
