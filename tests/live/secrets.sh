#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# secrets.sh: a job whose environment is full of tokens, and one in its arguments, some of its
# processes older than outflowd. It sends and raises alerts; of none of the values is a half found in
# what outflowd writes, prints, records, pins, has in memory, or leaves in a core when it is kept from
# leaving none; and what it is allowed to keep is found there, so that the search is known to find.
#
#	tests/live/secrets.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

CONTROL=control-$(random_text a-z0-9 24)
REPOSITORY=octo/repo-$(random_text a-z0-9 24)
OUT= # what is searched
WAY=(--way tcp-write --to "$FAR4:7000" --bytes 100000)

config() {
	lab_config <<-END
		limits: {accounts: 1024, executions: 4096, ring: 8MiB}
		roles:
		  job: {match: [{env: "GITHUB_REPOSITORY=octo/*"}]}
		rules:
		  - {id: upload, when: {role: job, sent: {over: 32KiB, within: 10m, per: process}}, severity: high}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
		  - {type: syslog, target: "unix:$LAB_DIR/log"}
		  - {type: stderr, format: text}
	END
}

# $LAB_DIR/env: the environment, NULs between; $LAB_DIR/needles: each half of each value of it that is
# secret, and of $LAB_DIR/token, which stands in argv.
environment_make() {
	python3 - "$LAB_DIR" "$REPOSITORY" <<-'END'
		import random, string, sys
		rng = random.SystemRandom()
		def body(n, of=string.ascii_letters + string.digits):
		    return "".join(rng.choice(of) for _ in range(n))
		upper = string.ascii_uppercase + "234567"
		hexa = "0123456789abcdef"
		secrets = {
		    "GITHUB_TOKEN": "ghp_" + body(36), "GH_TOKEN": "gho_" + body(36),
		    "ACTIONS_RUNTIME_TOKEN": "eyJ" + body(30) + "." + body(60) + "." + body(43),
		    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "eyJ" + body(30) + "." + body(60) + "." + body(43),
		    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://e.example/?k=" + body(40),
		    "ACTIONS_CACHE_URL": "https://e.example/" + body(40),
		    "CI_JOB_TOKEN": "glcbt-64_" + body(20), "CI_DEPLOY_PASSWORD": "gldt-" + body(20),
		    "CI_REGISTRY_PASSWORD": body(32), "CI_REPOSITORY_URL": "https://gitlab-ci-token:" + body(32) + "@g.example/o/r.git",
		    "GITLAB_PRIVATE_TOKEN": "glpat-" + body(20), "CI_RUNNER_SHORT_TOKEN": body(20),
		    "AWS_ACCESS_KEY_ID": "AKIA" + body(16, upper), "AWS_SECRET_ACCESS_KEY": body(40),
		    "AWS_SESSION_TOKEN": body(200), "GOOGLE_API_KEY": "AIza" + body(35),
		    "CLOUDSDK_AUTH_ACCESS_TOKEN": "ya29." + body(80), "SLACK_BOT_TOKEN": "xoxb-" + body(40),
		    "NPM_TOKEN": "npm_" + body(36), "NODE_AUTH_TOKEN": "npm_" + body(36), "PYPI_TOKEN": "pypi-AgE" + body(80),
		    "TWINE_PASSWORD": "pypi-AgE" + body(80), "DOCKER_PASSWORD": "dckr_pat_" + body(27),
		    "HF_TOKEN": "hf_" + body(34), "OPENAI_API_KEY": "sk-proj-" + body(60), "ANTHROPIC_API_KEY": "sk-ant-api03-" + body(90),
		    "STRIPE_KEY": "sk_live_" + body(24), "VAULT_TOKEN": "hvs." + body(90), "SENTRY_AUTH_TOKEN": "sntryu_" + body(64, hexa),
		    "SSH_PRIVATE_KEY": "-----BEGIN OPENSSH PRIVATE KEY-----\n" + body(300) + "\n-----END OPENSSH PRIVATE KEY-----",
		    "DATABASE_URL": "postgres://ci:" + body(24) + "@db.example/x", "SYSTEM_ACCESSTOKEN": body(52),
		    "BUILDKITE_AGENT_ACCESS_TOKEN": body(40), "CIRCLE_TOKEN": body(40), "JENKINS_API_TOKEN": body(34, hexa),
		    "DRONE_NETRC_PASSWORD": body(32), "TEAMCITY_AUTH_PASSWORD": body(32), "BUILDBOT_PASS": body(24),
		    # Names that begin, or end, as allowed ones do, and an allowed name in the wrong case.
		    "GITHUB_REPOSITORY_TOKEN": body(40), "GITHUB_REPOSITOR": body(40), "XGITHUB_REPOSITORY": body(40),
		    "github_repository": body(40), "GITHUB_WORKFLOW_SECRET": body(40), "GITHUB_RUN_ID_KEY": body(40),
		    # A value that looks like another variable, behind a newline and behind a '='.
		    "PLAIN": body(30) + "\nGITHUB_REPOSITORY=" + body(30), "ASSIGN": "GITHUB_REPOSITORY=" + body(40),
		    # Long enough to cross whatever piece it is read in.
		    "LONG": body(9000), "": body(40),
		}
		allowed = {"GITHUB_REPOSITORY": sys.argv[2], "GITHUB_ACTIONS": "true", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
		token = "ghp_" + body(36)
		# Strings that are no variable, and one whose name is longer than any: the last that is looked at.
		bare = [body(40), body(70) + "="]
		items = list(secrets.items()) + list(allowed.items())
		rng.shuffle(items)
		items = [f"{k}={v}" for k, v in items]
		rng.shuffle(bare)
		open(sys.argv[1] + "/env", "w").write("\0".join(items + bare) + "\0")
		open(sys.argv[1] + "/token", "w").write(token)
		with open(sys.argv[1] + "/needles", "w") as f:
		    for v in list(secrets.values()) + bare + [token]:
		        # Of a URL or a key what is random: the longest piece of it.
		        import re
		        v = max(re.findall(r"[A-Za-z0-9]+", v), key=len)
		        f.write(v[:len(v) // 2] + "\n" + v[len(v) // 2:] + "\n")
	END
	cat >"$LAB_DIR/job.py" <<-'END'
		import ctypes, os, sys # of which os.execve takes variables only
		def strings(s):
		    return (ctypes.c_char_p * (len(s) + 1))(*s, None)
		env = open(sys.argv[1], "rb").read().split(b"\0")[:-1]
		argv = [os.fsencode(a) for a in sys.argv[2:]]
		ctypes.CDLL(None).execve(argv[0], strings(argv), strings(env))
		sys.exit("execve")
	END
}

# Which of the needles are in the files; a line for each, with the file.
cat_search() {
	cat >"$LAB_DIR/search.py" <<-'END'
		import os, sys
		needles = open(sys.argv[1], "rb").read().split()
		for path in sys.argv[2:]:
		    data = open(path, "rb").read()
		    for n in needles:
		        if n in data:
		            print(os.path.basename(path), n.decode())
	END
}

found() { # NEEDLES FILE...
	python3 "$LAB_DIR/search.py" "$@"
}

# Its helpers' and its own memory, what it has mapped of the kernel's (VmFlags in proc_pid_smaps(5): dd),
# and of that the ring, which alone is mapped from its second page on.
memory_read() { # PID
	# shellcheck disable=SC2046 # words
	python3 - "$OUT" "$1" $(pgrep -P "$1") <<-'END'
		import re, sys
		memory, mapped, ring = (open(f"{sys.argv[1]}/{n}", "wb") for n in ("memory", "mapped", "ring"))
		def areas(pid):
		    at = None
		    for line in open(f"/proc/{pid}/smaps"):
		        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) (\S+) \S+ \S+ *(.*)", line)
		        if m:
		            at = (int(m[1], 16), int(m[2], 16), m[3], int(m[4], 16), m[5])
		        elif line.startswith("VmFlags:"):
		            yield at, " dd" in line
		for pid in sys.argv[2:]:
		    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
		        for (begin, end, mode, offset, name), dd in areas(pid):
		            if "r" not in mode or name in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
		                continue
		            into = memory if not dd else ring if "bpf-map" in name and offset else mapped
		            for page in range(begin, end, 1 << 20):
		                try:
		                    mem.seek(page)
		                    into.write(mem.read(min(1 << 20, end - page)))
		                except OSError:
		                    pass
	END
}

# Keys and values of the maps that are pinned.
pins_read() {
	local pin

	find "$LAB_PINS" -path '*/maps/*' -type f | while read -r pin; do
		bpftool -j map dump pinned "$pin" 2>/dev/null
		echo
	done | python3 -c '
import json, sys
def put(x):
    if isinstance(x, list) and x and all(isinstance(b, str) and b.startswith("0x") for b in x):
        sys.stdout.buffer.write(bytes(int(b, 16) for b in x) + b"\n")
    elif isinstance(x, (list, dict)):
        for y in (x.values() if isinstance(x, dict) else x):
            put(y)
for line in sys.stdin:
    try:
        put(json.loads(line))
    except ValueError:
        pass' >"$OUT/pins"
}

syslog_start() {
	python3 - "$LAB_DIR/log" >"$OUT/syslog" <<-'END' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		while True:
		    sys.stdout.buffer.write(s.recv(1 << 20) + b"\n")
		    sys.stdout.buffer.flush()
	END
	LAB_PIDS+=($!)
	wait_for 10 test -S "$LAB_DIR/log"
}

job() { # NAME [send's ARGUMENT...]
	local name=$1

	shift
	in_sender python3 "$LAB_DIR/job.py" "$LAB_DIR/env" "$LAB_DIR/payer" "${WAY[@]}" "$@" -- \
		"$CONTROL" "$name" --token "$(cat "$LAB_DIR/token")" "$(cat "$LAB_DIR/token")"
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # NAME
	jq -ne "any(inputs; .type == \"alert\" and (.process.argv | index(\"$1\") != null))" "$LAB_ALERTS" >/dev/null 2>&1
}

alert_checked() { # NAME
	local p

	if ! wait_for 15 alerted "$1"; then
		not_ok "$1: alert" "none within 15 s"
		return
	fi
	ok "$1: alert, by its environment"
	p=$(jq -c "select(.type == \"alert\" and (.process.argv | index(\"$1\"))).process" "$LAB_ALERTS" | head -n 1)
	is "$1: argv" "$(jq -c '.argv[-4:]' <<<"$p")" "[\"$1\",\"--token\",\"***\",\"ghp_***\"]"
	is "$1: says what was blanked" "$(jq -c '[.argv_redacted, .argv_truncated]' <<<"$p")" '[2,false]'
}

outputs_read() {
	local verb

	for verb in status ps flows ledger alerts top tree; do
		outflow $verb --json >"$OUT/$verb.json" 2>&1
		[ $verb = top ] || outflow $verb >"$OUT/$verb" 2>&1
	done
	outflow ps --all --json >"$OUT/ps.all" 2>&1
	outflow flows --all --json >"$OUT/flows.all" 2>&1
}

nowhere() { # NAME FILE...
	local name=$1 out

	shift
	out=$(found "$LAB_DIR/needles" "$@" | awk '{ print $1 }' | sort | uniq -c | tr '\n' ' ')
	is "$name: no half of a secret" "$out" ""
}

somewhere() { # NAME TEXT FILE...
	local name=$1

	echo "$2" >"$LAB_DIR/needle"
	shift 2
	is "$name" "$(found "$LAB_DIR/needle" "$@" | wc -l)" $#
}

# Where it stands, a process that crashes leaves a core, if this machine has it do so.
cores_here() {
	mkdir "$LAB_DIR/cores"
	case $(</proc/sys/kernel/core_pattern) in
	*[/\|]*) return 1 ;;
	esac
	ulimit -c unlimited 2>/dev/null
	{ (cd "$LAB_DIR/cores" && sh -c 'kill -SEGV $$'); } 2>/dev/null
	[ -n "$(cores)" ] && rm "$LAB_DIR"/cores/*
}

cores() {
	find "$LAB_DIR/cores" -type f -size +0
}

# Goes on with what is pinned, under the mock that lets it leave a core.
start_to_crash() {
	cd "$LAB_DIR/cores" || return
	LD_PRELOAD=$B/live/mock_core.so start_outflowd "$LAB_CONFIG" -v
	cd "$OLDPWD" || return
}

crash_outflowd() {
	{ # or bash tells of it
		kill -SEGV "$LAB_DAEMON"
		wait_for 60 lab_ended "$LAB_DAEMON" || not_ok "crash" "still there after 60 s"
		wait "$LAB_DAEMON"
	} 2>/dev/null
	lab_forget_pid "$LAB_DAEMON"
	LAB_DAEMON=
	cat "$LAB_DIR/outflowd.log" >>"$OUT/log"
}

crashes() {
	if ! cores_here; then
		skip "crash" "this machine leaves no core where a process crashes (core_pattern, limits)"
		return
	fi
	MOCK_CORE=limit start_to_crash
	crash_outflowd
	is "crash: no core, though its limit allows one" "$(cores)" ""
	older third
	start_to_crash
	echo 0x7f >"/proc/$LAB_DAEMON/coredump_filter" # all that the kernel leaves the choice of
	echo >&9
	job fourth >"$LAB_DIR/fourth.out" 2>&1 </dev/null
	alert_checked third
	alert_checked fourth
	crash_outflowd
	is "crash: a core, when it is kept from leaving none" "$(cores | wc -l)" 1
	cp "$LAB_DIR"/cores/core* "$OUT/core"
	nowhere "core" "$OUT/core"
	somewhere "found: an argument, in the core" "$CONTROL" "$OUT/core"
	somewhere "found: an allowed variable, in the core" "$REPOSITORY" "$OUT/core"
}

# A job that is older than the daemon; it goes on when something is written to 9.
older() { # NAME
	rm -f "$LAB_DIR/go"
	mkfifo "$LAB_DIR/go"
	job "$1" --start-wait <"$LAB_DIR/go" >"$LAB_DIR/$1.out" 2>&1 &
	LAB_PIDS+=($!)
	exec 9>"$LAB_DIR/go"
	wait_for 10 grep -q waiting "$LAB_DIR/$1.out"
}

lab_begin "${1:-build}"
need_programs python3 bpftool
need_built lab/send lab/recv live/mock_core.so
OUT=$LAB_DIR/out
mkdir "$OUT"
lab_net_new
far_start --tcp 7000
cp "$B/lab/send" "$LAB_DIR/payer"
environment_make
cat_search
syslog_start
config
older older
start_outflowd "$LAB_CONFIG" -v --record "$OUT/recording"
echo >&9
job newer >"$LAB_DIR/newer.out" 2>&1 </dev/null
alert_checked older
alert_checked newer
# Where they stood, something else may stand by now: it is read at once.
memory_read "$LAB_DAEMON"
pins_read
outputs_read
is "limits: no core" "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$LAB_DAEMON/limits")" "0 0"
end_outflowd
cp "$LAB_DIR/outflowd.log" "$OUT/log"
"$B/outflow" replay "$OUT/recording" -c "$LAB_CONFIG" --json >"$OUT/replay" 2>&1
crashes
tar -cf "$OUT/state" -C "$LAB_DIR" state
cp "$LAB_ALERTS" "$OUT/alerts.file"
above_zero "secrets in the environment" "$(tr '\0' '\n' <"$LAB_DIR/env" | wc -l)"
nowhere "alerts" "$OUT/alerts.file"
nowhere "syslog" "$OUT/syslog"
nowhere "the tool" "$OUT"/{status,ps,flows,ledger,alerts,tree}{,.json} "$OUT"/{top.json,ps.all,flows.all}
nowhere "log, verbose" "$OUT/log"
nowhere "recording" "$OUT/recording"
nowhere "its replay" "$OUT/replay"
nowhere "state" "$OUT/state"
nowhere "memory" "$OUT/memory"
nowhere "maps in its memory" "$OUT/mapped"
nowhere "pins" "$OUT/pins"
# There argv stands as it was until newer records take its place: a known limit.
head -n -2 "$LAB_DIR/needles" >"$LAB_DIR/of-environment"
is "ring: nothing of the environment" "$(found "$LAB_DIR/of-environment" "$OUT/ring" | wc -l)" 0
# The search finds what is there.
somewhere "found: an argument" "$CONTROL" "$OUT"/{alerts.file,recording,replay,alerts.json,memory,ring}
somewhere "found: an allowed variable" "$REPOSITORY" "$OUT"/{recording,memory,ring,pins}
somewhere "found: a path" /bin/ "$OUT"/{mapped,pins}
above_zero "found: a token, in the environment itself" "$(found "$LAB_DIR/needles" "$LAB_DIR/env" | wc -l)"
far_stop
stop_outflowd
lab_end
