#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# ci.sh: a CI job as GitHub's runner starts one. A process named Runner.Worker starts steps with the
# environments of two jobs. Steps that stay under a limit on their own, but not together: `per: step`
# raises nothing, `per: job` does, for the one job alone. A step that exports another repository and
# hides the rest is still told by its own, beside what it claims. Of an environment full of secrets
# not one byte is in any output, recording or log.
#
#	tests/live/ci.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Together over the limit of 64 KiB, each alone below.
FIRST=40000
SECOND=41000
OTHER=42000
LIAR=43000
ACTION_PATH=/home/runner/_work/_actions/aquasecurity/trivy-action/0.28.0

# What must not be seen anywhere; random, so that nothing else can be it.
SECRET=s3cr3t-$(od -An -N16 -tx8 /dev/urandom | tr -d ' \n')

config() {
	lab_config <<-END
		roles:
		  runner: {match: [{name: Runner.Worker}]}
		rules:
		  - id: step
		    when: {role: runner, sent: {over: 64KiB, within: 10m, per: step}}
		  - id: job
		    when: {role: runner, sent: {over: 64KiB, within: 10m, per: job}}
		  - id: liar
		    when: {role: runner, endpoint: {class: external}, sent: {over: 42500, within: 10m, per: process}}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
		  - {type: syslog, target: "unix:$LAB_DIR/log.sock", format: rfc5424}
	END
}

make_programs() {
	cp "$BASH" "$LAB_DIR/Runner.Worker"
	cp "$BASH" "$LAB_DIR/shell"
	cp "$B/lab/send" "$LAB_DIR/send"
	# What a step has in its environment, and nothing of this test's; never among arguments.
	cat >"$LAB_DIR/worker.sh" <<-'END'
		step() { # RUN ACTION COMMAND
			local secret

			(
				for name in $(compgen -e); do
					[ "$name" = PATH ] || export -n "$name"
				done
				for secret in GITHUB_TOKEN ACTIONS_RUNTIME_TOKEN CI_JOB_TOKEN AWS_SECRET_ACCESS_KEY \
					GITHUB_TOKEN_OF_ME XGITHUB_REPOSITORY GITHUB_REPOSITORY_TOKEN \
					github_repository CI_REPOSITORY_URL JENKINS_URL SYSTEM_ACCESSTOKEN \
					DRONE_NETRC_PASSWORD CI_DEPLOY_PASSWORD BUILDKITE_AGENT_ACCESS_TOKEN \
					BUILDKITE_REPO GIT_URL AN_UNKNOWN_ONE; do
					export "$secret=$SECRET"
				done
				export GITHUB_ACTIONS=true GITHUB_REPOSITORY=o/r GITHUB_WORKFLOW="Nightly scan"
				export GITHUB_JOB=scan GITHUB_RUN_ID="$1" GITHUB_RUN_ATTEMPT=1
				export GITHUB_ACTION=__run GITHUB_ACTION_REPOSITORY= GITHUB_ACTION_PATH="$2"
				export RUNNER_NAME=runner-7
				exec ./shell -c "$3"
			)
		}

		step 7 "$ACTION_PATH" "./send --way tcp-write --bytes $FIRST --to $TO; true"
		step 7 "" "./send --way tcp-write --bytes $SECOND --to $TO; true"
		step 8 "" "./send --way tcp-write --bytes $OTHER --to $TO; true"
		step 9 "" "export GITHUB_REPOSITORY=evil/x GITHUB_JOB=none; unset GITHUB_RUN_ID GITHUB_ACTIONS
			./shell -c './send --way tcp-write --bytes $LIAR --to $TO; true'; true"
		exit 0
	END
}

run_job() {
	(cd "$LAB_DIR" && export SECRET ACTION_PATH FIRST SECOND OTHER LIAR TO=$FAR4_C:443 &&
		in_sender ./Runner.Worker ./worker.sh) >"$LAB_DIR/job.out" 2>&1
	is "all was posted" "$(flows_settle 10 $((FIRST + SECOND + OTHER + LIAR)) sent_in_all)" \
		$((FIRST + SECOND + OTHER + LIAR))
}

# shellcheck disable=SC2317 # flows_settle calls it
sent_in_all() {
	flows_sum ".process.name == \"send\" and .endpoint.ip == \"$FAR4_C\""
}

alerts_of() { # RULE [JQ-FILTER]
	jq -c "select(.type == \"alert\" and .rule == \"$1\") | ${2:-.}" "$LAB_ALERTS"
}

ci_of() { # BYTES
	# shellcheck disable=SC2016
	outflow flows --json | jq -c --argjson n "$1" 'select(.process.name == "send" and .bytes.sent == $n)
		| .ci | [.system, .repository, .workflow, .job, .run_id, .attempt, .step, .action, .runner]'
}

check_windows() {
	is "no step alone is over the limit" "$(alerts_of step .rule)" ""
	is "one job is" "$(alerts_of job '[.ci.run_id, .bytes.sent > 65536]')" '["7",true]'
	is "the alert says so" "$(alerts_of job .reason | grep -c 'runner job sent')" 1
}

check_contexts() {
	is "the step that is an action" "$(ci_of $FIRST)" \
		'["github","o/r","Nightly scan","scan","7","1","aquasecurity/trivy-action","aquasecurity/trivy-action","runner-7"]'
	is "the step that is a command" "$(ci_of $SECOND)" \
		'["github","o/r","Nightly scan","scan","7","1","__run",null,"runner-7"]'
	is "the other job" "$(ci_of $OTHER)" \
		'["github","o/r","Nightly scan","scan","8","1","__run",null,"runner-7"]'
	is "the liar" "$(ci_of $LIAR)" \
		'["github","o/r","Nightly scan","scan","9","1","__run",null,"runner-7"]'
	is "the runner is in no job" "$(outflow ps --json --all |
		jq -c 'select(.process.name == "Runner.Worker").ci' | sort -u)" null
}

check_liar() {
	local name

	is "the liar's alert has the truth" "$(alerts_of liar '[.ci.repository, .ci.job, .ci.run_id]')" \
		'["o/r","scan","9"]'
	is "and what it claims" "$(alerts_of liar '[.ci.conflict[] | .key, .claimed]')" \
		'["repository","evil/x","job","none"]'
	name=$(alerts_of liar '.ci.conflict | map(.name) | unique')
	is "and who" "$name" '["shell"]'
	is "by its pid" "$(alerts_of liar '.ci.conflict[0].pid')" \
		"$(alerts_of liar '.lineage[-2:] | map(select(test("^shell"))) | first | capture("\\[(?<p>[0-9]+)\\]").p | tonumber')"
	is "a line for people has it" "$(grep -c \
		'; o/r step __run (conflict: repository, job); id=' "$LAB_DIR/syslog")" 1
}

# Everything that outflow said or wrote, and what it holds in memory: the kernel's maps too, as far
# as they are mapped.
check_secrets() {
	local f

	for f in flows ps alerts ledger status; do
		outflow "$f" --json >"$LAB_DIR/said.$f" 2>&1
		outflow "$f" >>"$LAB_DIR/said.$f" 2>&1
	done
	above_zero "the recording has the job" "$(grep -ac 'GITHUB_REPOSITORY=evil/x' "$LAB_DIR/rec")"
	is "no secret in what was said or written" \
		"$(grep -raFl -f <(printf %s "$SECRET") "$LAB_DIR" --exclude-dir=bpf)" ""
	is "nor in its memory" "$(memory_holds "$SECRET")" 0
	above_zero "where the job is" "$(memory_holds GITHUB_REPOSITORY=evil/x)"
}

# How often a text is in the daemon's memory; read without its help. Not among the arguments of
# anything, which outflow sees.
memory_holds() { # TEXT
	local from to rest

	while read -r from to rest; do
		[[ $rest == rw* ]] || continue
		dd if="/proc/$LAB_DAEMON/mem" bs=4096 iflag=skip_bytes,count_bytes status=none \
			skip=$((16#$from)) count=$((16#$to - 16#$from)) 2>/dev/null
	done < <(sed 's/-/ /' "/proc/$LAB_DAEMON/maps") | grep -aoF -f <(printf %s "$1") | wc -l
}

check_replay() {
	"$B/outflow" replay --json -c "$LAB_CONFIG" "$LAB_DIR/rec" 2>/dev/null |
		jq -cS 'select(.type == "alert") | [.id, .rule, .ci]' >"$LAB_DIR/replayed"
	jq -cS 'select(.type == "alert") | [.id, .rule, .ci]' "$LAB_ALERTS" >"$LAB_DIR/live"
	is "the recording gives the same alerts" "$(cmp "$LAB_DIR/live" "$LAB_DIR/replayed" 2>&1)" ""
}

lab_begin "${1:-build}"
need_built lab/send lab/recv
lab_net_new
far_start --tcp 443
start_rsyslog
make_programs
config
start_outflowd "$LAB_CONFIG" --record "$LAB_DIR/rec"
run_job
wait_for 5 grep -q '"rule":"liar"' "$LAB_ALERTS"
check_windows
check_contexts
check_liar
check_secrets
end_outflowd
check_replay
stop_outflowd
lab_end
