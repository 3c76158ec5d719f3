#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# secrets.sh: a job whose environment is full of tokens, and one in its arguments, some of its
# processes older than outflowd. It sends and raises alerts; of none of the values is a half found in
# what outflowd writes, prints, records, pins, or would leave in a core; and what it is allowed to
# keep is found there, so that the search is known to find.
#
#	tests/live/secrets.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

CONTROL=control-$(head -c 200 /dev/urandom | tr -dc a-z0-9 | head -c 24)
REPOSITORY=octo/repo-$(head -c 200 /dev/urandom | tr -dc a-z0-9 | head -c 24)
OUT= # what is searched
WAY=(--way tcp-write --to "$FAR4:7000" --bytes 100000)

config() {
	lab_config <<-END
		limits: {accounts: 1024, executions: 4096}
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
		items = list(secrets.items()) + list(allowed.items())
		rng.shuffle(items)
		open(sys.argv[1] + "/env", "w").write("".join(f"{k}={v}\0" for k, v in items))
		open(sys.argv[1] + "/token", "w").write(token)
		with open(sys.argv[1] + "/needles", "w") as f:
		    for v in list(secrets.values()) + [token]:
		        # Of a URL or a key what is random: the longest piece of it.
		        import re
		        v = max(re.findall(r"[A-Za-z0-9]+", v), key=len)
		        f.write(v[:len(v) // 2] + "\n" + v[len(v) // 2:] + "\n")
	END
	cat >"$LAB_DIR/job.py" <<-'END'
		import os, sys
		env = dict(kv.split(b"=", 1) for kv in open(sys.argv[1], "rb").read().split(b"\0")[:-1])
		env.pop(b"", None) # execve takes it, os does not
		os.execve(sys.argv[2], [os.fsencode(a) for a in sys.argv[2:]], env)
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

# What a core of the process would hold, and what else it has mapped (VmFlags in proc_pid_smaps(5): dd).
memory_read() { # PID
	python3 - "$1" "$OUT" <<-'END'
		import re, sys
		core, rest = open(sys.argv[2] + "/core", "wb"), open(sys.argv[2] + "/mapped", "wb")
		maps, at = [], None
		for line in open(f"/proc/{sys.argv[1]}/smaps"):
		    m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
		    if m:
		        at = [int(m[1], 16), int(m[2], 16), m[3], m[4], False]
		        maps.append(at)
		    elif line.startswith("VmFlags:"):
		        at[4] = " dd" in line
		with open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as mem:
		    for begin, end, mode, name, dd in maps:
		        if "r" not in mode or name in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
		            continue
		        for page in range(begin, end, 1 << 20):
		            try:
		                mem.seek(page)
		                (rest if dd else core).write(mem.read(min(1 << 20, end - page)))
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

lab_begin "${1:-build}"
need_programs python3 bpftool
need_built lab/send lab/recv
OUT=$LAB_DIR/out
mkdir "$OUT"
lab_net_new
far_start --tcp 7000
cp "$B/lab/send" "$LAB_DIR/payer"
environment_make
cat_search
syslog_start
config
mkfifo "$LAB_DIR/go"
job older --start-wait <"$LAB_DIR/go" >"$LAB_DIR/older.out" 2>&1 &
LAB_PIDS+=($!)
exec 9>"$LAB_DIR/go"
wait_for 10 grep -q waiting "$LAB_DIR/older.out"
start_outflowd "$LAB_CONFIG" -v --record "$OUT/recording"
echo >&9
job newer >"$LAB_DIR/newer.out" 2>&1 </dev/null
alert_checked older
alert_checked newer
# Where they stood, something else may stand by now: it is read at once.
memory_read "$LAB_DAEMON"
pins_read
outputs_read
end_outflowd
cp "$LAB_DIR/outflowd.log" "$OUT/log"
cp "$LAB_ALERTS" "$OUT/alerts.file"
"$B/outflow" replay "$OUT/recording" -c "$LAB_CONFIG" --json >"$OUT/replay" 2>&1
tar -cf "$OUT/state" -C "$LAB_DIR" state
above_zero "secrets in the environment" "$(tr '\0' '\n' <"$LAB_DIR/env" | wc -l)"
nowhere "alerts" "$OUT/alerts.file"
nowhere "syslog" "$OUT/syslog"
nowhere "the tool" "$OUT"/{status,ps,flows,ledger,alerts,tree}{,.json} "$OUT"/{top.json,ps.all,flows.all}
nowhere "log, verbose" "$OUT/log"
nowhere "recording" "$OUT/recording"
nowhere "its replay" "$OUT/replay"
nowhere "state" "$OUT/state"
nowhere "core" "$OUT/core"
# Where the probes make their records, and in the ring, argv stands as it was until the next one comes;
# nothing of an environment may be there, and neither is in a core.
tail -n 2 "$LAB_DIR/needles" >"$LAB_DIR/of-argv"
head -n -2 "$LAB_DIR/needles" >"$LAB_DIR/of-environment"
is "mapped, pins: nothing of the environment" \
	"$(found "$LAB_DIR/of-environment" "$OUT"/{mapped,pins} | wc -l)" 0
# The search finds what is there.
somewhere "found: an argument" "$CONTROL" "$OUT"/{alerts.file,recording,replay,alerts.json,core}
somewhere "found: an allowed variable" "$REPOSITORY" "$OUT"/{recording,core,pins}
above_zero "found: a token, in the environment itself" "$(found "$LAB_DIR/needles" "$LAB_DIR/env" | wc -l)"
far_stop
stop_outflowd
lab_end
