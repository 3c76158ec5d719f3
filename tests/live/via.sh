#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# via.sh: who asks a deputy by its socket is named in the alert about what the deputy then starts or
# sends. The deputies here are mocks (tests/lab/deputy.c) that are called as the real ones are and
# listen on sockets of the same names: what is tested is who connects, forks and sends, not what they
# say to each other.
#
#	tests/live/via.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

BYTES=100000
WHO=asker # the name of who asks
OTHERS=0  # that asked, too

config() {
	lab_config <<-END
		roles:
		  job:
		    match: [{name: asker}, {argv: "*agent.jar*"}, {env: "CI_JOB_STAGE=scan"}]
		rules:
		  - id: job
		    when: {role: job, sent: {over: 150000, within: 10m, per: job}}
		    severity: high
		  - id: upload
		    when: {role: job, sent: {over: 32KiB, within: 10m, per: lineage}}
		    severity: high
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # N
	[ "$(alerts)" -ge "$1" ]
}

alerts() {
	jq -n '[inputs | select(.type == "alert" and .rule == "upload")] | length' "$LAB_ALERTS"
}

# The N-th alert, or nothing.
nth_alert() { # N
	wait_for 10 alerted "$1"
	jq -nc "[inputs | select(.type == \"alert\" and .rule == \"upload\")][$1 - 1] // empty" "$LAB_ALERTS"
}

# A deputy in the sender's namespace; its pid is in $DEPUTY.
deputy() { # NAME DIR deputy's-ARGUMENT...
	local name=$1 out=$LAB_DIR/$2/$1.out

	mkdir -p "$LAB_DIR/$2"
	shift 2
	[ -x "$LAB_DIR/$name" ] || cp "$B/lab/deputy" "$LAB_DIR/$name"
	nsenter --net="/run/netns/$SENDER_NET" "$LAB_DIR/$name" "$@" >"$out" 2>&1 3</dev/null &
	LAB_PIDS+=($!)
	if ! wait_for 10 grep -q '^ready ' "$out"; then
		not_ok "mock $name" "$(cat "$out")"
		lab_end
	fi
	DEPUTY=$(sed -n 's/^ready //p' "$out")
}

# Its pid is in $ASKER.
asks() { # PROGRAM SOCKET WORD...
	local program=$1 socket=$2

	shift 2
	ASKER=$("$LAB_DIR/$program" --ask "$socket" "$@") || not_ok "$program asks $socket" "status $?"
}

# How many asks and how many answers the recording tells of a socket. The numbers are those of abi.h.
told() { # SOCKET
	od -An -v -tu1 -w1 -j16 "$LAB_DIR/recording" | awk -v name="$1" '
		{ b[NR - 1] = $1 }
		END {
			for (c = 1; c < 256; c++)
				code[sprintf("%c", c)] = c
			for (i = 0; i + 16 <= NR; i += len) {
				len = b[i + 8] + 256 * b[i + 9] + 65536 * b[i + 10]
				if (len < 16)
					exit 1
				if (b[i + 12] != 16) # OF_REC_ASK
					continue
				for (k = 1; k <= length(name) && b[i + 47 + k] == code[substr(name, k, 1)]; k++)
					;
				if (k > length(name))
					n[b[i + 40]]++
			}
			print n[1] + 0, n[2] + 0
		}'
}

payer() { # OUT; sets COMMAND
	COMMAND=("$LAB_DIR/quiet" "$1" "$LAB_DIR/payer" --way tcp-write --to "$FAR4:7000" --bytes "$BYTES")
}

check_via() { # NAME ALERT KIND SOCKET DEPUTY PASSED
	local v

	v=$(jq -c .via <<<"$2")
	is "$1: kind" "$(jq -r .kind <<<"$v")" "$3"
	is "$1: socket" "$(jq -r .socket <<<"$v")" "$4"
	is "$1: deputy" "$(jq -r .deputy <<<"$v")" "$5"
	is "$1: passed on" "$(jq -c .passed_on <<<"$v")" "$6"
	is "$1: who asked" "$(jq -r '.asked_by | "\(.name)[\(.pid)]"' <<<"$v")" "${WHO}[$ASKER]"
	is "$1: lineage of who asked" "$(jq -r '.asked_by.lineage[-1]' <<<"$v")" "${WHO}[$ASKER]"
	is "$1: inferred" "$(jq -r '"\(.inferred) \(.others)"' <<<"$v")" "true $OTHERS"
	is "$1: in time" "$(jq '.after_ms >= 0 and .after_ms <= 11000' <<<"$v")" true
	is "$1: the role" "$(jq -c .roles <<<"$2")" '["job"]'
}

# What was sent to the far end is what the kernel of the far end took, and what flows say.
check_bytes() { # NAME ALERT PID
	is "$1: who sent" "$(jq .process.pid <<<"$2")" "$3"
	is "$1: bytes" "$(flows_settle 10 $BYTES flows_of "$3")" $BYTES
	is "$1: bytes of the alert are its own" "$(jq ".bytes.sent > 0 and .bytes.sent <= $BYTES" <<<"$2")" true
}

child_case() {
	local s=$LAB_DIR/child/docker.sock a

	payer "$LAB_DIR/child.out"
	deputy dockerd child --serve "$s" -- "${COMMAND[@]}"
	asks asker "$s" run
	a=$(nth_alert 1)
	check_via "child" "$a" docker "$s" "dockerd[$DEPUTY]" '[]'
	wait_for 10 test -s "$LAB_DIR/child.out"
	check_bytes "child" "$a" "$(jq .pid "$LAB_DIR/child.out")"
	is "child: not of the asker's lineage" "$(jq '[.lineage[] | select(startswith("asker["))] | length' <<<"$a")" 0
	is "flows: via" "$(outflow flows --json | jq -r "select(.process.pid == $(jq .pid "$LAB_DIR/child.out")).via.asked_by.pid")" "$ASKER"
	is "ps: via" "$(outflow ps --json | jq -r "select(.process.pid == $(jq .pid "$LAB_DIR/child.out") and .process.name == \"payer\").via.kind")" docker
}

# The same done for somebody without a role, by a deputy that nobody else has asked.
unwatched_case() {
	local s=$LAB_DIR/unwatched/docker.sock

	payer "$LAB_DIR/unwatched.out"
	deputy dockerd unwatched --serve "$s" -- "${COMMAND[@]}"
	asks other "$s" run
	wait_for 10 test -s "$LAB_DIR/unwatched.out"
	is "unwatched: bytes" "$(flows_settle 10 $BYTES flows_of "$(jq .pid "$LAB_DIR/unwatched.out")")" $BYTES
	is "unwatched: no role, no via" "$(outflow flows --json | jq -c "select(.process.pid == $(jq .pid "$LAB_DIR/unwatched.out")) | [.roles, .via]")" '[[],null]'
	is "unwatched: no alert" "$(alerts)" 1
}

own_case() {
	local s=$LAB_DIR/own/docker.sock a

	deputy dockerd own --serve "$s" --to "$FAR4:7000" --bytes $BYTES
	asks asker "$s" send
	a=$(nth_alert 2)
	check_via "own send" "$a" docker "$s" "dockerd[$DEPUTY]" '[]'
	check_bytes "own send" "$a" "$DEPUTY"
	is "own send: the deputy has no role for good" "$(outflow ps --json --all | jq -c "select(.process.pid == $DEPUTY and .process.name == \"dockerd\") | [.roles, .via]")" '[[],null]'
}

# dockerd has no role, and asks containerd.
pass_case() {
	local s=$LAB_DIR/pass/docker.sock c=$LAB_DIR/pass/containerd.sock a docker

	payer "$LAB_DIR/pass.out"
	deputy dockerd pass --serve "$s" --pass "$c"
	docker=$DEPUTY
	deputy containerd pass --serve "$c" -- "${COMMAND[@]}"
	asks asker "$s" pass
	a=$(nth_alert 3)
	check_via "passed on" "$a" docker "$s" "dockerd[$docker]" "[\"containerd[$DEPUTY]\"]"
	wait_for 10 test -s "$LAB_DIR/pass.out"
	check_bytes "passed on" "$a" "$(jq .pid "$LAB_DIR/pass.out")"
}

# Who bound the socket has handed it on: the answer tells who the deputy is.
activated_case() {
	local s=$LAB_DIR/activated/docker.sock a

	payer "$LAB_DIR/activated.out"
	deputy manager activated --activate "$s" -- "$LAB_DIR/dockerd" --serve - -- "${COMMAND[@]}"
	asks asker "$s" run
	a=$(nth_alert 4)
	check_via "activated" "$a" docker "$s" "dockerd[$DEPUTY]" '[]'
	wait_for 10 test -s "$LAB_DIR/activated.out"
	check_bytes "activated" "$a" "$(jq .pid "$LAB_DIR/activated.out")"
}

# The kernel knows nothing of the role of who asks: it is by a text of its parent's.
text_case() { # TEXT N COMMAND...
	local s=$LAB_DIR/$1/docker.sock name="by $1" out=$LAB_DIR/$1.out n=$2 a

	payer "$out"
	deputy dockerd "$1" --serve "$s" -- "${COMMAND[@]}"
	shift 2
	ASKER=$("$@" "$LAB_DIR/plain" "$s")
	a=$(nth_alert "$n")
	WHO=plain check_via "$name" "$a" docker "$s" "dockerd[$DEPUTY]" '[]'
	wait_for 10 test -s "$out"
	check_bytes "$name" "$a" "$(jq .pid "$out")"
}

# One with a role asks for nothing in particular; then one without has something started.
others_case() { # N
	local s=$LAB_DIR/others/docker.sock a

	payer "$LAB_DIR/others.out"
	deputy dockerd others --serve "$s" -- "${COMMAND[@]}"
	asks other "$s" ping
	asks asker "$s" ping
	"$LAB_DIR/plain" --ask "$s" run >/dev/null
	a=$(nth_alert "$1")
	OTHERS=2 check_via "others" "$a" docker "$s" "dockerd[$DEPUTY]" '[]'
}

# shellcheck disable=SC2317 # wait_for calls it
job_alerted() {
	[ "$(jq -n '[inputs | select(.type == "alert" and .rule == "job")] | length' "$LAB_ALERTS")" -ge 1 ]
}

# What a job sends itself and what is done for it by a deputy come to more than the job may send.
job_case() {
	local s=$LAB_DIR/job/docker.sock a

	payer "$LAB_DIR/job.out"
	deputy dockerd job --serve "$s" -- "${COMMAND[@]}"
	# shellcheck disable=SC2016
	nsenter --net="/run/netns/$SENDER_NET" env GITHUB_ACTIONS=true GITHUB_REPOSITORY=o/r GITHUB_WORKFLOW=w \
		GITHUB_JOB=j GITHUB_RUN_ID=1 GITHUB_RUN_ATTEMPT=1 RUNNER_NAME=r1 GITHUB_ACTION=build \
		bash -c '"$1" --way tcp-write --to "$2" --bytes 90000 && "$3" --ask "$4" run; true' agent.jar \
		"$LAB_DIR/payer" "$FAR4:7000" "$LAB_DIR/plain" "$s" >/dev/null
	wait_for 10 job_alerted
	a=$(jq -nc '[inputs | select(.type == "alert" and .rule == "job")][0] // empty' "$LAB_ALERTS")
	wait_for 10 test -s "$LAB_DIR/job.out"
	is "job: who sent" "$(jq .process.pid <<<"$a")" "$(jq .pid "$LAB_DIR/job.out")"
	is "job: over the limit with what the job itself sent" "$(jq '.bytes.sent > 150000' <<<"$a")" true
	is "job: named, as inferred" "$(jq -c '[.ci.repository, .ci.job, .ci.step, .ci.conflict, .via.inferred]' <<<"$a")" \
		'["o/r","j","build",null,true]'
	is "job: flows" "$(outflow flows --json | jq -r "select(.process.pid == $(jq .pid "$LAB_DIR/job.out")).ci.repository")" o/r
	is "job: no other" "$(jq -n '[inputs | select(.type == "alert" and .rule == "job")] | length' "$LAB_ALERTS")" 1
}

# shellcheck disable=SC2317 # wait_for calls it
role_of() { # PID
	[ "$(outflow ps --json | jq -c "select(.process.pid == $1).roles" | tail -n 1)" = '["job"]' ]
}

# shellcheck disable=SC2317 # wait_for calls it
alerted_of() { # PID
	jq -ne "any(inputs; .type == \"alert\" and .rule == \"upload\" and .process.pid == $1)" "$LAB_ALERTS" >/dev/null
}

# Roles that only a daemon knew outlive it: what a deputy has started, and what is left of a lineage
# whose text had the role. Both send when the next daemon watches.
restart_case() {
	local s=$LAB_DIR/restart/docker.sock wait pid name

	mkdir "$LAB_DIR/restart"
	mkfifo "$LAB_DIR/restart/via.go" "$LAB_DIR/restart/text.go"
	# shellcheck disable=SC2016
	wait='echo $$ >"$1.pid"; read -r x <"$1.go"; shift; exec "$@"'
	payer "$LAB_DIR/restart.out"
	deputy dockerd restart --serve "$s" -- /bin/bash -c "$wait" waits "$LAB_DIR/restart/via" "${COMMAND[@]}"
	asks asker "$s" run
	payer "$LAB_DIR/restart2.out"
	# shellcheck disable=SC2016
	in_sender bash -c 'shift; setsid bash -c "$@" & true' agent.jar agent.jar "$wait" waits "$LAB_DIR/restart/text" "${COMMAND[@]}"
	for name in via text; do
		wait_for 10 test -s "$LAB_DIR/restart/$name.pid"
		pid=$(<"$LAB_DIR/restart/$name.pid")
		wait_for 10 role_of "$pid" || not_ok "restart: $name has the role" "$(outflow ps --json | jq -c "select(.process.pid == $pid)")"
	done
	kill_outflowd
	start_outflowd "$LAB_CONFIG"
	for name in via text; do
		pid=$(<"$LAB_DIR/restart/$name.pid")
		role_of "$pid"
		is "restart: $name still has the role" $? 0
		echo >"$LAB_DIR/restart/$name.go"
		wait_for 10 alerted_of "$pid"
		is "restart: $name alerts" $? 0
		is "restart: $name bytes" "$(flows_settle 10 $BYTES flows_of "$pid")" $BYTES
	done
}

# They talk a hundred times, in much less than the second within which that is told once; where it is
# more, once for each second that began.
chatty_case() {
	local s=$LAB_DIR/chatty/docker.sock words=() i begin most got

	for ((i = 0; i < 100; i++)); do
		words+=(ping)
	done
	deputy manager chatty --activate "$s" -- "$LAB_DIR/dockerd" --serve -
	begin=$SECONDS
	asks asker "$s" "${words[@]}"
	most=$((SECONDS - begin + 2))
	outflow ps --json >/dev/null # what the kernel has told is read
	got=$(told "$s")
	is "chatty: asks, at most one a second" "$((${got% *} >= 1 && ${got% *} <= most))" 1
	is "chatty: answers, at most one a second" "$((${got#* } >= 1 && ${got#* } <= most))" 1
}

lab_begin "${1:-build}"
need_built lab/deputy lab/send lab/recv
lab_net_new
far_start --tcp 7000
cp "$B/lab/send" "$LAB_DIR/payer"
cp "$B/lab/deputy" "$LAB_DIR/asker"
cp "$B/lab/deputy" "$LAB_DIR/other"
cp "$B/lab/deputy" "$LAB_DIR/plain" # as other
# What a daemon prints must not go where its deputy's goes.
cat >"$LAB_DIR/quiet" <<'END'
#!/bin/sh
out=$1
shift
exec "$@" >"$out" 2>&1 </dev/null
END
chmod 0755 "$LAB_DIR/quiet"
config
start_outflowd "$LAB_CONFIG" --record "$LAB_DIR/recording"
child_case
unwatched_case
own_case
pass_case
activated_case
# shellcheck disable=SC2016
{
	ask_agent='"$1" --ask "$2" run; true'
	ask_env='"$0" --ask "$1" run; true'
}
text_case argv 5 bash -c "$ask_agent" agent.jar
text_case env 6 env CI_JOB_STAGE=scan bash -c "$ask_env"
others_case 7
job_case
chatty_case
restart_case
books_balanced "books are balanced"
far_stop
is "the far end got all of it" "$(far_received tcp)" $((11 * BYTES + 90000))
stop_outflowd
lab_end
