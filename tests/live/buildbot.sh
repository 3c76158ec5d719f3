#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# buildbot.sh: a real CI system. Debian's Buildbot, its master at the far end and its worker at the
# sender's, runs two builds of five steps. In the second build somebody has replaced what the third
# step runs: before it scans it reads the worker's memory, encrypts what it found and uploads some
# hundred kB to a look-alike host. Both builds pass. There is one alert, for that upload, which names
# the lineage from the worker down and the build and step; all else raises nothing.
#
# What Buildbot runs is in buildbot/: master.cfg, the far end's web server, the action of step three.
#
#	tests/live/buildbot.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

HERE=$(realpath "$(dirname "$0")")
MASTER=$FAR4_B:9989
CODE_HOST=$FAR4:80
VULN_DB=$FAR4_B:80
THIEF=$FAR4_C
STEPS="fetch compile scan test upload"
PACKAGE=400000 # bytes, as much as the stolen archive has
TOKEN=lab-token-$$-0123456789abcdef

config() {
	lab_config <<-END
		limits: {grace: 1h}
		endpoints:
		  build-master: ["$MASTER"]
		  code-host: ["$CODE_HOST"]
		  vuln-db: ["$VULN_DB"]
		roles:
		  runner:
		    match: [{name: buildbot-worker}]
		rules:
		  - id: runner-upload
		    when:
		      role: runner
		      endpoint: {not_in: [build-master, code-host, vuln-db]}
		      sent: {over: 32KiB, within: 10m, per: endpoint}
		    severity: high
		    attack: [T1041]
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

# What the far end has to give, and the thief's key.
make_web() {
	local action=$HERE/buildbot/action web=$LAB_DIR/web made=$LAB_DIR/action

	mkdir -p "$web" "$LAB_DIR/posts" "$made"
	head -c $PACKAGE /dev/urandom >"$web/package.bin"
	head -c 3000000 /dev/urandom >"$web/vuln.db"
	tar -C "$HERE/../lab" -cf "$web/source.tar" fetch.c lib
	tar -C "$action" -cf "$web/action.tar" entrypoint.sh scan.sh
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$LAB_DIR/thief.key" 2>/dev/null
	openssl pkey -in "$LAB_DIR/thief.key" -pubout -out "$made/thief.pub"
	base64 "$action/harvest.py" >"$made/harvest.b64"
	cp "$action/scan.sh" "$made/"
	cp "$action/poisoned.sh" "$made/entrypoint.sh"
	tar -C "$made" -cf "$web/poisoned.tar" .
}

start_web() {
	nsenter --net="/run/netns/$FAR_NET" /usr/bin/python3 "$HERE/buildbot/web.py" 80 \
		"$LAB_DIR/web" "$LAB_DIR/posts" >"$LAB_DIR/web.log" 2>&1 &
	LAB_PIDS+=($!)
	if ! wait_for 20 grep -qs ready "$LAB_DIR/web.log"; then
		not_ok "web server" "$(tail -n 1 "$LAB_DIR/web.log")"
		lab_end
	fi
}

# As the package's own unit has it: its user, and an environment from a file, nothing of the tester's.
# shellcheck disable=SC2016 # the inner shell expands it
AS_BUILDBOT=(setpriv --reuid buildbot --regid buildbot --clear-groups --no-new-privs
	env -i bash -c 'set -a; . ./environment; exec "$@"' bash)

make_ci() {
	chmod 0711 "$LAB_DIR"
	install -d -o buildbot -g buildbot "$LAB_DIR/ci"
	cd "$LAB_DIR/ci" || exit
	printf '%s\n' PATH=/usr/bin:/bin HOME="$PWD" LAB_STEPS="$PWD/steps" DEPLOY_TOKEN=$TOKEN >environment
	"${AS_BUILDBOT[@]}" buildbot create-master -q master >"$LAB_DIR/create.log" 2>&1 &&
		install -m 0644 "$HERE/buildbot/master.cfg" master/ &&
		"${AS_BUILDBOT[@]}" buildbot-worker create-worker -q worker "$MASTER" worker1 lab \
			>>"$LAB_DIR/create.log" 2>&1 && return
	not_ok "buildbot" "no master and worker can be made: $(tail -n 3 "$LAB_DIR/create.log" | tr '\n' ' ')"
	lab_end
}

# In the foreground, as the package's unit has it. Its pid is then in $!.
start_ci() { # NET PROGRAM FOLDER
	nsenter --net="/run/netns/$1" "${AS_BUILDBOT[@]}" "$2" start --nodaemon "$3" >"$3.log" 2>&1 &
	LAB_PIDS+=($!)
}

start_master() {
	start_ci "$FAR_NET" buildbot master
	if ! wait_for 60 grep -qs 'BuildMaster is running' master/twistd.log; then
		not_ok "buildbot" "the master does not run: $(tail -n 3 master.log master/twistd.log | tr '\n' ' ')"
		lab_end
	fi
}

# The builds wait for a worker. There is no second one unless the first passes.
run_builds() {
	start_ci "$SENDER_NET" buildbot-worker worker
	WORKER=$!
	if ! wait_for 120 grep -qsE 'number:(2 results:|1 results:[^s]).*build finished' master/twistd.log; then
		not_ok "buildbot" "the builds do not end: $(tail -n 3 worker/twistd.log | tr '\n' ' ')"
		lab_end
	fi
}

# Of the record that Buildbot keeps (Debian's has no web server to ask), the rows that a query finds.
asked() { # SQL
	/usr/bin/python3 - "$LAB_DIR/ci/master/state.sqlite" "$1" <<-'PY'
		import sqlite3
		import sys

		db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
		for row in db.execute(sys.argv[2]):
		    print(*row)
	PY
}

# What each step and each build came to; 0 is success.
recorded() {
	asked "select b.number, s.name, s.results from builds b join steps s on s.buildid = b.id
		union all select number, 'build', results from builds order by 1, 2"
}

# What the steps that failed wrote, to see why.
failed_logs() {
	asked "select c.content from steps s join logs l on l.stepid = s.id
		join logchunks c on c.logid = l.id where s.results != 0" |
		grep -o '\\n[oe][^\\]*' | sed 's/^\\n./# /'
}

succeeded() {
	local build step

	for build in 1 2; do
		for step in build worker_preparation $STEPS; do
			echo "$build $step 0"
		done
	done | sort
}

# The test's own record: the process that was this step of this build, or its curl.
pid_of() { # BUILD STEP
	awk -v build="$1" -v step="$2" '$1 == build && $2 == step { print $3 }' "$LAB_DIR/ci/steps"
}

# By the far end's own count.
arrived() { # IP METHOD
	jq -n --arg ip "$1" --arg method "$2" \
		'[inputs | select(.ip == $ip and .method == $method).received] | add // 0' "$LAB_DIR/posts/requests"
}

# shellcheck disable=SC2317 # wait_for calls it
alerts_below() { # PID
	jq -n "[inputs | select(.type == \"alert\" and any(.lineage[]; endswith(\"[$1]\")))] | length" "$LAB_ALERTS"
}

# shellcheck disable=SC2317 # flows_settle calls it
sent_by_steps() { # IP PORT
	flows_sum ".process.name == \"curl\" and .endpoint.ip == \"$1\" and .endpoint.port == $2"
}

# Without them there is nothing to judge.
check_builds() {
	wait_for 10 lab_prints "$(succeeded)" recorded
	is "both builds pass, by Buildbot's own record" "$(recorded)" "$(succeeded)"
	if [ "$LAB_FAILED" -ne 0 ]; then
		failed_logs
		lab_end
	fi
}

# The poison took what it was after: else there was nothing to be caught.
check_theft() {
	local took=$LAB_DIR/took

	mkdir "$took" && tar -C "$took" -xzf "$LAB_DIR/posts/$THIEF"
	openssl pkeyutl -decrypt -inkey "$LAB_DIR/thief.key" -pkeyopt rsa_padding_mode:oaep \
		-in "$took/key.rsa" -out "$took/key"
	openssl enc -d -aes-256-cbc -pbkdf2 -pass "file:$took/key" -in "$took/runner.aes" -out "$took/runner"
	is "the thief reads the worker's token" "$(grep -qaF "DEPLOY_TOKEN=$TOKEN" "$took/runner" && echo yes)" yes
	above_zero "and some hundred kB of its memory, over 100000 by" $(($(stat -c %s "$took/runner") - 100000))
}

check_steps() {
	local build step expected

	for build in 1 2; do
		for step in $STEPS; do
			expected=0
			[ "$build $step" != "2 scan" ] || expected=1
			is "build $build, $step: alerts" "$(alerts_below "$(pid_of "$build" "$step")")" "$expected"
		done
	done
	is "alerts in all" "$(jq -n '[inputs | select(.type == "alert")] | length' "$LAB_ALERTS")" 1
}

# What is sent to listed hosts is more than the limit, or its silence would mean nothing.
check_bytes() {
	local sent stolen

	stolen=$(arrived $THIEF POST)
	is "the poison's curl: bytes as the far end read" \
		"$(flows_settle 5 "$stolen" flows_of "$(pid_of 2 curl)")" "$stolen"
	above_zero "of which headers" $((stolen - $(stat -c %s "$LAB_DIR/posts/$THIEF")))
	is "artifacts: bytes as the far end read" \
		"$(flows_settle 5 "$(($(arrived $FAR4 POST) + $(arrived $FAR4 GET)))" sent_by_steps $FAR4 80)" \
		$(($(arrived $FAR4 POST) + $(arrived $FAR4 GET)))
	is "the unlisted mirror: bytes as the far end read" \
		"$(flows_settle 5 "$(arrived $FAR6 GET)" sent_by_steps $FAR6 80)" "$(arrived $FAR6 GET)"
	sent=$(flows_sum ".process.pid == $WORKER and .endpoint.ip == \"$FAR4_B\" and .endpoint.port == 9989")
	above_zero "the worker's logs, above the limit by" $((sent - 32768))
}

check_alert() {
	local alert scan curl

	alert=$(jq -c 'select(.type == "alert")' "$LAB_ALERTS")
	scan=$(pid_of 2 scan)
	curl=$(pid_of 2 curl)
	is "its rule" "$(jq -r .rule <<<"$alert")" runner-upload
	is "its process" "$(jq -c '.process | [.pid, .ppid, .name, .exe, .uid]' <<<"$alert")" \
		"[$curl,$scan,\"curl\",\"$(realpath /usr/bin/curl)\",$(id -u buildbot)]"
	is "its lineage from the worker down" \
		"$(jq -c --arg w "buildbot-worker[$WORKER]" '.lineage[(.lineage | index($w)):]' <<<"$alert")" \
		"[\"buildbot-worker[$WORKER]\",\"bash[$scan]\",\"curl[$curl]\"]"
	is "its roles" "$(jq -c .roles <<<"$alert")" '["runner"]'
	is "its endpoint" "$(jq -c '.endpoint | [.ip, .port, .proto]' <<<"$alert")" "[\"$THIEF\",80,\"tcp\"]"
	is "its bytes: over the limit, no more than there were" \
		"$(jq ".bytes.sent > 32768 and .bytes.sent <= $(arrived $THIEF POST)" <<<"$alert")" true
	is "its job, build and step" "$(jq -c '.ci | [.system, .repository, .job, .run_id, .step]' <<<"$alert")" \
		'["buildbot","https://code.example/acme/firmware.git","firmware","2","scan"]'
}

# Nothing that outflow says or keeps has the token.
check_token() {
	outflow flows --json >"$LAB_DIR/said.flows"
	outflow ps --json --all >"$LAB_DIR/said.ps"
	is "files of outflow's with the token" "$(grep -rlaF "$TOKEN" "$LAB_ALERTS" "$LAB_DIR/outflowd.log" \
		"$LAB_DIR/said.flows" "$LAB_DIR/said.ps" "$LAB_DIR/state" | wc -l)" 0
}

lab_begin "${1:-build}"
may_lack buildbot buildbot-worker
need_programs curl gcc objdump openssl pgrep setpriv tar
lab_net_new
make_web
start_web
make_ci
start_master
config
start_outflowd "$LAB_CONFIG"
run_builds
check_builds
check_theft
wait_for 10 lab_prints 1 alerts_below "$(pid_of 2 curl)"
check_steps
check_bytes
check_alert
check_token
books_balanced "books are balanced"
stop_outflowd
lab_end
