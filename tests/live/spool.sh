#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# spool.sh: what cron and at start is linked to who left it for them, and nothing else is. Debian's
# cron and at where they are installed, and a mock of both (tests/lab/jobber.c) everywhere: what is
# tested of that is who writes which file, and who forks, becomes which user and executes.
#
# The files are at their real places, in a mount namespace of this test's own, where /etc, /run and
# /var/spool are copies: nothing that runs on this machine sees them.
#
#	tests/live/spool.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

BYTES=100000
CI=64901    # the uid whose jobs are watched
OTHER=64902 # another's
MOCK=64903  # watched, where the deputy is a mock
TABS=/var/spool/cron/crontabs
ATJOBS=/var/spool/cron/atjobs

# Modes and owners of the folders are those that Debian's packages make.
own_folders() {
	local g d

	cp -a /etc "$LAB_DIR/etc" && mount -t tmpfs -o mode=0755 tmpfs /etc &&
		cp -a "$LAB_DIR/etc/." /etc/ && mount -t tmpfs -o mode=0755 tmpfs /run &&
		mkdir -p /var/spool && mount -t tmpfs -o mode=0755 tmpfs /var/spool || return
	printf '%s\n' "lab-ci:x:$CI:$CI::/:/bin/sh" "lab-other:x:$OTHER:$OTHER::/:/bin/sh" >>/etc/passwd
	printf '%s\n' "lab-ci:x:$CI:" "lab-other:x:$OTHER:" >>/etc/group
	printf '%s\n' 'lab-ci:*:20000::::::' 'lab-other:*:20000::::::' >>/etc/shadow
	g=$(sed -n 's/^crontab:[^:]*:\([0-9]*\):.*/\1/p' /etc/group)
	d=$(sed -n 's/^daemon:[^:]*:\([0-9]*\):.*/\1/p' /etc/group)
	rm -rf /etc/cron.d /etc/cron.weekly
	mkdir -p $TABS $ATJOBS /var/spool/cron/atspool /etc/cron.d &&
		chown ":${g:-0}" $TABS && chmod 1730 $TABS &&
		chown "${d:-0}:${d:-0}" $ATJOBS /var/spool/cron/atspool &&
		chmod 1770 $ATJOBS /var/spool/cron/atspool &&
		touch $ATJOBS/.SEQ && chown "${d:-0}:${d:-0}" $ATJOBS/.SEQ && chmod 0600 $ATJOBS/.SEQ
}

# A program that sends, of this name, as a command.
payer() { # NAME
	cp "$B/lab/send" "$LAB_DIR/$1"
	echo "$LAB_DIR/$1 --way tcp-write --to $FAR4:7000 --bytes $BYTES >/dev/null 2>&1"
}

# What the CI system runs, and what somebody else does.
runner() { # UID COMMAND
	setpriv --reuid "$1" --regid "$1" --clear-groups "$LAB_DIR/ci-runner" -c "cd /; $2"
}

somebody() { # UID COMMAND
	setpriv --reuid "$1" --regid "$1" --clear-groups sh -c "cd /; $2"
}

alert_of() { # NAME
	jq -c --arg n "$1" 'select(.type == "alert" and .process.name == $n)' "$LAB_ALERTS"
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # NAME
	[ -n "$(alert_of "$1")" ]
}

# shellcheck disable=SC2317 # lab_prints calls it
flows_named() { # NAME
	# shellcheck disable=SC2016
	flows_sum '.process.name == $n' --arg n "$1"
}

linked() { # NAME KIND FILE-PATTERN DEPUTY ASKER
	local a v

	wait_for 75 alerted "$1" # cron wakes once a minute
	a=$(alert_of "$1")
	v=$(jq -c '.via // {}' <<<"$a")
	is "$1: alerts" "$(grep -c . <<<"$a")" 1
	is "$1: kind" "$(jq -r .kind <<<"$v")" "$2"
	# shellcheck disable=SC2254 # it is a pattern
	case $(jq -r .file <<<"$v") in
	$3) ok "$1: file" ;;
	*) not_ok "$1: file" "$v" ;;
	esac
	is "$1: deputy" "$(jq -r .deputy <<<"$v")" "$4"
	is "$1: who asked" "$(jq -r .asked_by.name <<<"$v")" "$5"
	is "$1: for the runner" "$(jq '[.asked_by.lineage[] | select(startswith("ci-runner["))] | length' <<<"$v")" 1
	is "$1: inferred" "$(jq -c '[.inferred, .others, .socket]' <<<"$v")" '[true,0,null]'
	is "$1: in time" "$(jq '.after_ms >= 0 and .after_ms < 120000' <<<"$v")" true
	is "$1: the role" "$(jq -c .roles <<<"$a")" '["runner"]'
	is "$1: not of the runner's lineage" "$(jq '[.lineage[] | select(startswith("ci-runner["))] | length' <<<"$a")" 0
	is "$1: bytes" "$(flows_settle 10 $BYTES flows_named "$1")" $BYTES
}

unlinked() { # NAME
	is "$1: bytes" "$(flows_settle 75 $BYTES flows_named "$1")" $BYTES
	is "$1: no role, no via" "$(outflow flows --json | jq -c --arg n "$1" 'select(.process.name == $n) | [.roles, .via]')" '[[],null]'
	is "$1: no alert" "$(alert_of "$1")" ""
}

# shellcheck disable=SC2317 # wait_for calls it
watched() { # FOLDER
	grep -qs "^fanotify ino:$(printf %x "$(stat -c %i "$1")") " "/proc/$LAB_DAEMON/fdinfo/"*
}

need_watched() { # FOLDER
	wait_for 10 watched "$1" || not_ok "$1" "is not watched"
}

# ---- A mock of cron and at ----

# Its pid is in $DEPUTY.
mock() { # NAME UID COMMAND
	nsenter --net="/run/netns/$SENDER_NET" "$LAB_DIR/$1" "$2" "$3" &
	DEPUTY=$!
	wait $DEPUTY
}

mock_lines_case() {
	local c

	c=$(payer m-planted)
	runner 0 "echo '* * * * * root $c' >/etc/cron.d/lab"
	mock cron 0 "$c"
	linked m-planted cron /etc/cron.d/lab "cron[$DEPUTY]" ci-runner
	# Another job of the same user's.
	mock cron 0 "$(payer m-other-line)"
	unlinked m-other-line
	# The same file, without that line now.
	c=$(payer m-admins)
	somebody 0 "echo '* * * * * root $c' >>/etc/cron.d/lab"
	mock cron 0 "$c"
	unlinked m-admins
}

mock_at_case() {
	local f=$ATJOBS/a0000101c2a5f1

	runner 0 "echo '$(payer m-at)' >$ATJOBS/.part; chown $MOCK $ATJOBS/.part; mv $ATJOBS/.part $f"
	nsenter --net="/run/netns/$SENDER_NET" "$LAB_DIR/atd" $OTHER - <<<"$(payer m-at-other)"
	unlinked m-at-other
	nsenter --net="/run/netns/$SENDER_NET" "$LAB_DIR/atd" $MOCK - <$f &
	DEPUTY=$!
	wait $DEPUTY
	linked m-at at $f "atd[$DEPUTY]" mv
	rm $f
}

# A folder that was not there when outflowd started.
mock_program_case() {
	local f=/etc/cron.weekly/lab

	mkdir /etc/cron.weekly
	need_watched /etc/cron.weekly
	runner 0 "printf '%s\n' '#!/bin/sh' '$(payer m-program)' >$f; chmod 0755 $f"
	printf '%s\n' '#!/bin/sh' "$(payer m-beside)" >/etc/cron.weekly/beside
	chmod 0755 /etc/cron.weekly/beside
	mock cron 0 "/etc/cron.weekly/beside; $f; true"
	linked m-program cron $f "cron[$DEPUTY]" ci-runner
	unlinked m-beside
	rm -r /etc/cron.weekly
}

# ---- Debian's ----

# In the sender's namespace; its pid is in $DEPUTY.
start_daemon() { # COMMAND...
	nsenter --net="/run/netns/$SENDER_NET" "$@" >"$LAB_DIR/$1.log" 2>&1 </dev/null &
	DEPUTY=$!
	LAB_PIDS+=("$DEPUTY")
}

stop_daemon() {
	lab_end_pids "$DEPUTY"
	lab_forget_pid "$DEPUTY"
}

at_case() {
	start_daemon atd -f
	wait_for 10 test -s /run/atd.pid || not_ok "atd" "$(cat "$LAB_DIR/atd.log")"
	somebody $OTHER "echo '$(payer at-other)' | at now" 2>"$LAB_DIR/at.log"
	unlinked at-other
	runner $CI "echo '$(payer at-planted)' | at now" 2>"$LAB_DIR/at.log"
	linked at-planted at "$ATJOBS/a*" "atd[$DEPUTY]" at
	somebody $OTHER "echo '$(payer at-later)' | at now" 2>"$LAB_DIR/at.log"
	unlinked at-later
	stop_daemon
}

# All of it is there before cron starts; what it then runs once it runs at once.
cron_boot_case() {
	local f=/etc/cron.daily/lab

	echo "@reboot $(payer tab-planted)" >"$LAB_DIR/tab"
	echo "@reboot $(payer tab-other)" >"$LAB_DIR/tab2"
	mkdir -p /etc/cron.daily
	runner $CI "crontab $LAB_DIR/tab"
	somebody $OTHER "crontab $LAB_DIR/tab2"
	runner 0 "echo '@reboot lab-other $(payer table-planted)' >/etc/cron.d/lab-planted"
	runner 0 "printf '%s\n' '#!/bin/sh' '$(payer daily-planted)' >$f; chmod 0755 $f"
	printf '%s\n' "@reboot root $(payer table-admins)" "@reboot lab-ci $(payer table-same-user)" \
		'@reboot root run-parts --regex ^lab$ /etc/cron.daily' >/etc/cron.d/admins
	rm -f /run/crond.reboot
	start_daemon cron -f
	linked tab-planted cron $TABS/lab-ci "cron[$DEPUTY]" crontab
	linked table-planted cron /etc/cron.d/lab-planted "cron[$DEPUTY]" ci-runner
	linked daily-planted cron $f "cron[$DEPUTY]" ci-runner
	unlinked tab-other
	unlinked table-admins
	unlinked table-same-user
}

# One that runs already, which reads the table by itself: within a minute, for which at need not wait.
cron_minute_case() {
	local cron=$DEPUTY

	echo "* * * * * $(payer minute-planted); crontab -r" >"$LAB_DIR/tab"
	runner $CI "crontab $LAB_DIR/tab"
	at_case
	DEPUTY=$cron
	linked minute-planted cron $TABS/lab-ci "cron[$DEPUTY]" crontab
	stop_daemon
}

replay_case() {
	local live replayed

	live=$(jq -c 'select(.type == "alert") | [.id, .via]' "$LAB_ALERTS" | sort)
	replayed=$("$B/outflow" replay "$LAB_DIR/recording" -c "$LAB_CONFIG" --json 2>/dev/null |
		jq -c 'select(.type == "alert") | [.id, .via]' | sort)
	above_zero "replay: alerts" "$(grep -c . <<<"$replayed")"
	is "replay: the same" "$replayed" "$live"
}

if [ "$(id -u)" -eq 0 ] && [ -z "${SPOOL_OWN:-}" ]; then
	SPOOL_OWN=yes exec unshare --mount --propagation private "$0" "$@"
fi
lab_begin "${1:-build}"
need_built lab/jobber lab/send lab/recv
if ! own_folders 2>"$LAB_DIR/own.log"; then
	not_ok "folders of its own" "$(tail -n 1 "$LAB_DIR/own.log")"
	lab_end
fi
lab_net_new
far_start --tcp 7000
chmod 0711 "$LAB_DIR"
cp "$(realpath /bin/sh)" "$LAB_DIR/ci-runner"
cp "$B/lab/jobber" "$LAB_DIR/cron"
cp "$B/lab/jobber" "$LAB_DIR/atd"
lab_config_runner
start_outflowd "$LAB_CONFIG" --record "$LAB_DIR/recording"
need_watched /etc/cron.d
is "nothing is missing" "$(outflow status --json | jq -c .hooks_missing)" '[]'
mock_lines_case
mock_at_case
mock_program_case
if command -v cron >/dev/null && command -v atd >/dev/null; then
	cron_boot_case
	cron_minute_case
else
	skip "real cron and at" "not installed: packaging/deps ci"
fi
books_balanced "books are balanced"
is "nothing was missed" "$(outflow status --json | jq .loss.tracking)" 0
stop_outflowd
replay_case
lab_end
