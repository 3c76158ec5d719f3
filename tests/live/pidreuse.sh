#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# pidreuse.sh: a process id that was somebody else's a moment ago tells nothing of its owner: no byte,
# role, lineage, attempt or errand goes to who had the number before, or has it since. The number is
# forced (clone3 with set_tid), one that the whole machine sees: a watched process ends and an unwatched
# one takes it, and the other way round; while children and sockets of the first live on; while the
# daemon is dead; while it reads what /proc says of the number; and thousands of times in turn. Where the
# kernel has a pid_max for each pid namespace the numbers of a small one also go round by themselves.
#
#	tests/live/pidreuse.sh [BUILD]
#
# REUSE_CHILDREN  of each of the four that take one number in turn (500)
# REUSE_DAEMONS   empty: without what needs more than one start of the daemon (yes)

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

CHILDREN=${REUSE_CHILDREN:-500}
DAEMONS=${REUSE_DAEMONS-yes}
SALT=1000 # more than this each child of the ring sends, and the rule's limit
PID_MAX=310 # 300 are for the first round alone: then ten numbers are left
REAL_PID_MAX=$(cat /proc/sys/kernel/pid_max)

config() {
	lab_config <<-END
		limits: {grace: 30m}
		roles:
		  runner:
		    match: [{name: Runner.Worker}]
		  marked:
		    match: [{argv: "*marked*"}]
		rules:
		  - id: runner-sent
		    when: {role: runner, sent: {over: $SALT, within: 30m, per: process}}
		  - id: runner-attempt
		    when: {role: runner, endpoint: {in: [attempts]}}
		  - id: marked-sent
		    when: {role: marked, sent: {over: 1, within: 30m, per: process}}
		endpoints:
		  attempts: ["$FAR4_C:6000-6999"]
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

# ---- Puppets: see tests/lab/puppet.c ----

declare -A IN OUT SENT

strings() { # NAME
	local in out

	mkfifo "$LAB_DIR/$1.in" "$LAB_DIR/$1.out" &&
		exec {in}<>"$LAB_DIR/$1.in" {out}<>"$LAB_DIR/$1.out"
	IN[$1]=$in OUT[$1]=$out
}

puppet() { # NAME PROGRAM; its pid is in $PUPPET
	strings "$1"
	nsenter --net="/run/netns/$SENDER_NET" env -C "$LAB_DIR" "./$2" "$1" >"$LAB_DIR/$1.log" 2>&1 &
	PUPPET=$!
	LAB_PIDS+=("$PUPPET")
}

# What it answers is in $SAID. "File exists": somebody else has the number for a moment.
does() { # NAME ORDER...
	local to=${IN[$1]} from=${OUT[$1]} tries

	for ((tries = 0; tries < 100; tries++)); do
		echo "${*:2}" >&"$to"
		if ! read -rt 30 SAID <&"$from"; then
			not_ok "$1 does '${*:2}'" "no answer: $(cat "$LAB_DIR"/*.log | tail -n 1)"
			lab_end
		fi
		[ "$SAID" = "failed: File exists" ] || break
		sleep 0.05
	done
	if [[ $SAID == failed:* ]]; then
		[[ $2 != fork ]] || skip_all "$SAID"
		not_ok "$1 does '${*:2}'" "$SAID"
		lab_end
	fi
	SAID=${SAID#ok }
}

skip_all() { # WHY
	skip "$LAB_NAME" "this kernel lets nobody choose a process id: $1"
	lab_end
}

# A child that is a puppet called CHILD; its number is in $SAID.
forks() { # NAME CHILD [PID]
	[ -n "${IN[$2]:-}" ] || strings "$2"
	does "$1" fork "$2" ${3:+"$3"}
}

# Ends, and its parent lets go of its number.
ends() { # NAME PARENT PID
	echo end >&"${IN[$1]}"
	does "$2" wait "$3"
}

sends() { # NAME PORT BYTES
	does "$1" tcp "$FAR4_C:$2"
	more "$1" "$2" "$3"
}

more() { # NAME PORT BYTES
	does "$1" send "$3"
	SENT[$2]=$((${SENT[$2]:-0} + $3))
}

# A number that is free and, since numbers are given out in a circle, was so just now: nobody gets it
# soon.
number_choose() {
	forks watched number
	NUMBER=$SAID
	ends number watched "$NUMBER"
}

# ---- What outflow says ----

# shellcheck disable=SC2317 # wait_for calls it
all_told() { # {"PORT": BYTES}
	outflow flows --json | jq -c 'select(.bytes.sent > 0)' >"$LAB_DIR/flows" &&
		jq -se --argjson want "$1" '(group_by(.endpoint.port)
			| map({key: "\(.[0].endpoint.port)", value: map(.bytes.sent) | add}) | from_entries) as $got
			| $want | to_entries | all($got[.key] == .value)' "$LAB_DIR/flows" >/dev/null
}

# When all is posted that was sent to these ports, what outflow says lies in the files flows and ps.
look() { # PORT...
	local port want=()

	for port in "$@"; do
		want+=("\"$port\": ${SENT[$port]}")
	done
	wait_for 20 all_told "{$(IFS=, && echo "${want[*]}")}"
	outflow ps --json --all >"$LAB_DIR/ps"
}

# Of the flows to a port, as [JQ] of each in the order of exec_id.
at_port() { # PORT JQ
	jq -sc --argjson port "$1" "[.[] | select(.endpoint.port == \$port)]
		| sort_by(.process.exec_id) | map($2)" "$LAB_DIR/flows"
}

# The exec_id of who sent there, or of the one of them with PID.
exec_at() { # PORT [PID]
	at_port "$1" ".process | select(${2:-.pid} == .pid).exec_id" | jq 'max'
}

known() { # EXEC_ID
	jq -c "select(.process.exec_id == $1) | [.process.pid, .process.name, .roles]" "$LAB_DIR/ps"
}

parent_of() { # EXEC_ID
	jq "select(.process.exec_id == $1).process.parent" "$LAB_DIR/ps"
}

# One process sent all that came to the port.
paid() { # NAME PORT PID PROGRAM ROLES PARENT
	is "$1" "$(at_port "$2" '[.process.pid, .process.name, .bytes.sent, .roles, .lineage[-2:]]')" \
		"[[$3,\"$4\",${SENT[$2]},$5,[\"$6\",\"$4[$3]\"]]]"
}

WATCHED='["runner"]'
NOBODY='[]'

# ---- The stages. Each port is used once. ----

begin() {
	cp "$B/lab/puppet" "$LAB_DIR/Runner.Worker"
	cp "$B/lab/puppet" "$LAB_DIR/janitor"
	cp "$B/lab/puppet" "$LAB_DIR/renamed"
	puppet watched Runner.Worker
	W_NAME="Runner.Worker[$PUPPET]"
	puppet free janitor
	F_NAME="janitor[$PUPPET]"
	number_choose
	echo "# the number is $NUMBER"
}

in_turn() {
	forks watched a1 "$NUMBER"
	is "the number can be had" "$SAID" "$NUMBER"
	sends a1 7000 40000
	ends a1 watched "$NUMBER"
	forks free b1 "$NUMBER"
	sends b1 7001 30000
	does b1 exec ./renamed
	sends b1 7002 20000
	ends b1 free "$NUMBER"
	forks watched a2 "$NUMBER"
	sends a2 7003 10000
	ends a2 watched "$NUMBER"
	look 7000 7001 7002 7003
	paid "in turn: the watched one" 7000 "$NUMBER" Runner.Worker "$WATCHED" "$W_NAME"
	paid "in turn: who took its number" 7001 "$NUMBER" janitor "$NOBODY" "$F_NAME"
	paid "in turn: and executed something" 7002 "$NUMBER" renamed "$NOBODY" "$F_NAME"
	paid "in turn: the next watched one" 7003 "$NUMBER" Runner.Worker "$WATCHED" "$W_NAME"
	is "in turn: four executions" "$(for p in 7000 7001 7002 7003; do exec_at $p; done | sort -nu | wc -l)" 4
}

# The parent's number goes to another; its child was, and is, the first one's.
orphaned() { # LABEL PARENT ROLES NAME OTHER ROLES NAME PORT...
	local label=$1 first=$2 roles=$3 name=$4 other=$5 other_roles=$6 other_name=$7 port=$8
	local child grandchild program=${4%%[*} other_program=${7%%[*} a b

	forks "$first" "a$port" "$NUMBER"
	sends "a$port" $((port + 4)) 1500
	forks "a$port" "c$port"
	child=$SAID
	ends "a$port" "$first" "$NUMBER"
	forks "$other" "b$port" "$NUMBER"
	forks "b$port" "d$port"
	grandchild=$SAID
	sends "c$port" "$port" 5000
	sends "d$port" $((port + 1)) 6000
	sends "b$port" $((port + 2)) 7000
	does "c$port" exec ./renamed
	sends "c$port" $((port + 3)) 8000
	look $((port)) $((port + 1)) $((port + 2)) $((port + 3)) $((port + 4))
	paid "$label: the orphan" "$port" "$child" "$program" "$roles" "${program}[$NUMBER]"
	paid "$label: a child of who took the number" $((port + 1)) "$grandchild" "$other_program" \
		"$other_roles" "${other_program}[$NUMBER]"
	paid "$label: who took the number" $((port + 2)) "$NUMBER" "$other_program" "$other_roles" "$other_name"
	paid "$label: the orphan as another program" $((port + 3)) "$child" renamed "$roles" "${program}[$NUMBER]"
	a=$(exec_at $((port + 4))) b=$(exec_at $((port + 2)))
	is "$label: the orphan's parent by exec_id" "$(parent_of "$(exec_at "$port")")" "$a"
	is "$label: the child's parent by exec_id" "$(parent_of "$(exec_at $((port + 1)))")" "$b"
	is "$label: each is who it was" "$(known "$a")$(known "$b")" \
		"[$NUMBER,\"$program\",$roles][$NUMBER,\"$other_program\",$other_roles]"
	ends "d$port" "b$port" "$grandchild"
	ends "b$port" "$other" "$NUMBER"
	echo end >&"${IN[c$port]}"
}

# The socket outlives its maker, whose number goes to another: the maker is told by its exec_id.
inherited() { # LABEL MAKER ROLES OTHER ROLES NAME PORT
	local label=$1 first=$2 roles=$3 other=$4 other_roles=$5 other_name=$6 port=$7
	local child a program=Runner.Worker

	[ "$first" = watched ] || program=janitor
	forks "$first" "a$port" "$NUMBER"
	sends "a$port" "$port" 1100
	forks "a$port" "c$port"
	child=$SAID
	ends "a$port" "$first" "$NUMBER"
	forks "$other" "b$port" "$NUMBER"
	sends "b$port" $((port + 1)) 1200
	more "c$port" "$port" 5000
	look "$port" $((port + 1))
	a=$(exec_at "$port" "$NUMBER")
	is "$label: its maker sent, then the heir" "$(at_port "$port" \
		'[.process.pid, .bytes.sent, .roles, .lineage[-1], (.creator | .pid, .exec_id)]')" \
		"[[$NUMBER,1100,$roles,\"${program}[$NUMBER]\",null,null],[$child,5000,$roles,\"${program}[$child]\",$NUMBER,$a]]"
	is "$label: the heir's parent by exec_id" "$(parent_of "$(exec_at "$port" "$child")")" "$a"
	paid "$label: who has the number now" $((port + 1)) "$NUMBER" "${other_name%%[*}" "$other_roles" "$other_name"
	is "$label: by a socket of its own" "$(at_port $((port + 1)) .creator)" '[null]'
	ends "b$port" "$other" "$NUMBER"
	echo end >&"${IN[c$port]}"
}

# What the first one did without a daemon is found by the next one, when its number is another's.
# It tried to connect, and asked a deputy that ended, too.
restarted() {
	local second grandchild a

	forks watched a3 "$NUMBER"
	sends a3 7040 40000
	look 7040
	a=$(exec_at 7040)
	forks free d3
	second=$SAID
	does d3 listen "$LAB_DIR/docker.sock"
	kill_outflowd
	more a3 7040 3000
	does a3 attempt "$FAR4_C:6001"
	does a3 ask "$LAB_DIR/docker.sock"
	ends a3 watched "$NUMBER"
	ends d3 free "$second"
	forks free b3 "$NUMBER"
	sends b3 7041 2000
	forks free e3 "$second"
	sends e3 7042 2100
	forks e3 g3
	grandchild=$SAID
	start_outflowd "$LAB_CONFIG"
	is "restarted: goes on with the pins" "$(outflow status --json | jq -r .pins.state)" adopted
	more b3 7041 2200
	more e3 7042 2300
	sends g3 7043 2400
	look 7040 7041 7042 7043
	paid "restarted: the watched one, before and after" 7040 "$NUMBER" Runner.Worker "$WATCHED" "$W_NAME"
	is "restarted: it is the same execution" "$(exec_at 7040)" "$a"
	paid "restarted: who took its number" 7041 "$NUMBER" janitor "$NOBODY" "$F_NAME"
	paid "restarted: who took the deputy's number" 7042 "$second" janitor "$NOBODY" "$F_NAME"
	paid "restarted: a child of that one" 7043 "$grandchild" janitor "$NOBODY" "janitor[$second]"
	is "restarted: nobody tried but who did" "$(outflow flows --json | jq -sc "[.[]
		| select(.endpoint.port == 6001 and .process.exec_id != $a) | .lineage[-2:]]")" '[]'
	is "restarted: nobody was sent on an errand" "$(jq -sc '[.[]
		| select(.endpoint.port | IN(7041, 7042, 7043)).via]' "$LAB_DIR/flows")" '[null,null,null]'
	ends b3 free "$NUMBER"
	ends g3 e3 "$grandchild"
	ends e3 free "$second"
}

# Begins while the first is there, and is held when it opens its /proc/NUMBER/cmdline: then the number
# goes to one whose argv earns a role.
overtaken() {
	local child

	stop_outflowd
	forks free a4 "$NUMBER"
	does a4 exec ./renamed plain
	forks a4 c4
	child=$SAID
	strings mock
	strings b4
	(
		read -rt 60 _ <&"${OUT[mock]}"
		ends a4 free "$NUMBER"
		forks free b4 "$NUMBER"
		does b4 exec ./renamed marked
		wait_for 10 grep -q marked "/proc/$NUMBER/cmdline"
		touch "$LAB_DIR/overtaken"
		echo go >&"${IN[mock]}"
	) >"$LAB_DIR/overtaking" &
	LAB_PIDS+=($!)
	MOCK_PROC=/proc/$NUMBER/cmdline MOCK_FIFO=$LAB_DIR/mock LD_PRELOAD=$B/live/mock_proc.so \
		start_outflowd "$LAB_CONFIG"
	is "overtaken: it was" "$(ls "$LAB_DIR/overtaken" 2>&1)" "$LAB_DIR/overtaken"
	sends c4 7050 2000
	look 7050
	paid "overtaken: the child has nothing of who took the number" 7050 "$child" renamed "$NOBODY" "renamed[$NUMBER]"
	is "overtaken: nor has the dead" "$(jq -sc "[.[] | select(.process.pid == $NUMBER)
		| [.end != null, .roles]] | unique" "$LAB_DIR/ps")" '[[false,["marked"]],[true,[]]]'
	ends b4 free "$NUMBER"
	echo end >&"${IN[c4]}"
}

# ---- In a ring ----

# Payload by port, as it arrives, for whom nobody listens.
far_counts() {
	in_far nft -f - <<-END
		table inet outflow_ring {
			set ports { type inet_service; flags dynamic; size 65535; counter; }
			chain input {
				type filter hook prerouting priority -500;
				ip daddr $FAR4_B ip protocol udp update @ports { udp dport } drop
			}
		}
	END
}

# {"PORT": BYTES}
far_counted_ring() {
	in_far nft -j list set inet outflow_ring ports | jq -S '[.nftables[].set // empty | .elem[]?.elem
		| {key: "\(.val)", value: (.counter.bytes - .counter.packets * 28)}] | from_entries'
}

# Programs and a ring that nobody may use, too.
ring_make() { # N
	local i p

	chmod 0711 "$LAB_DIR"
	mkdir -p "$LAB_DIR/ring"
	chmod 0755 "$LAB_DIR/ring"
	for p in Runner.Worker sweeper boxed keeper payload; do
		[ -x "$LAB_DIR/ring/$p" ] || cp "$B/lab/reuse" "$LAB_DIR/ring/$p"
	done
	RING=() LINKS=()
	for ((i = 0; i < $1; i++)); do
		strings "ring$1-$i"
		chmod 0666 "$LAB_DIR/ring$1-$i.in"
		RING+=("$LAB_DIR/ring$1-$i.in")
	done
}

# The arguments of the one at INDEX, which sends to PORT and on, are then in $ARGS.
ring_args() { # INDEX PORT
	ARGS=(--take "${RING[$1]}" --give "${RING[($1 + 1) % ${#RING[@]}]}" --children "$CHILDREN"
		--to "$FAR4_B:$2" --salt "$SALT" --program ring/payload)
	[ "$1" -gt 0 ] || ARGS+=(--first)
}

# In the background; what it says is in NAME.ring.
link() { # NAME COMMAND...
	(cd "$LAB_DIR" && in_sender "${@:2}") >"$LAB_DIR/$1.ring" 2>"$LAB_DIR/$1.log" &
	LINKS+=($!)
	LAB_PIDS+=($!)
}

# shellcheck disable=SC2317 # wait_for calls it
turns_after() { # TURNS PID
	lab_ended "$2" || [ "$(cat "$LAB_DIR"/*.ring | wc -l)" -gt "$1" ]
}

# A machine may be slow, but someone has the token and goes on.
links_end() { # LABEL
	local p turns

	for p in "${LINKS[@]}"; do
		while ! lab_ended "$p"; do
			turns=$(cat "$LAB_DIR"/*.ring | wc -l)
			wait_for 60 turns_after "$turns" "$p" && continue
			not_ok "$1" "the ring stands still after $turns turns: $(cat "$LAB_DIR"/*.log | tail -n 1)"
			lab_end
		done
		wait "$p" || not_ok "$1" "status $?: $(cat "$LAB_DIR"/*.log | tail -n 1)"
		lab_forget_pid "$p"
	done
}

# What the children say, in the order of their turns, with their makers' names.
said() { # NAME...
	local name link=0

	for name in "$@"; do
		jq -sc --arg by "$name" --argjson link $((link++)) \
			'to_entries | map(.value + {by: $by, turn: [.key, $link]})' "$LAB_DIR/$name.ring"
	done | jq -sc 'add | sort_by(.turn)'
}

# shellcheck disable=SC2317 # wait_for calls it
all_posted() { # FROM TO BYTES
	[ "$(flows_sum ".endpoint.ip == \"$FAR4_B\" and .endpoint.port >= $1 and .endpoint.port < $2")" = "$3" ]
}

# Of each child of the ring: its flow, and what is wrong with it.
ring_check() { # LABEL FROM TO NAME...
	local label=$1 from=$2 to=$3 watched

	shift 3
	said "$@" >"$LAB_DIR/said"
	wait_for 30 all_posted "$from" "$to" "$(jq 'map(.sent) | add' "$LAB_DIR/said")"
	outflow flows --json | jq -c "select(.endpoint.ip == \"$FAR4_B\" and .bytes.sent > 0
		and .endpoint.port >= $from and .endpoint.port < $to)" >"$LAB_DIR/ring.flows"
	far_counted_ring >"$LAB_DIR/ring.far"
	jq -c --slurpfile flows "$LAB_DIR/ring.flows" --slurpfile far "$LAB_DIR/ring.far" '
		($flows | group_by(.endpoint.port) | map({key: "\(.[0].endpoint.port)", value: .}) | from_entries) as $at
		| .[] | . as $s | ($at["\(.port)"] // []) as $all | $all[0] as $f
		| (if .executed then "payload" else .by end) as $name
		| {port, by, exec: $f.process.exec_id, roles: $f.roles, one: ($all | length == 1),
			bytes: ($f.bytes.sent == .sent), far: ($far[0]["\(.port)"] == .sent),
			name: ($f.process.name == $name),
			lineage: ($f.lineage[-1] == "\($name)[\($f.process.pid)]"
				and ($f.lineage[-2] | startswith("\($s.by)["))
				and (($f.lineage | map(startswith("Runner.Worker[")) | any) == ($s.by == "Runner.Worker"))),
			role: ($f.roles == if .by == "Runner.Worker" then ["runner"] else [] end),
			is: ($all | map([.bytes.sent, .roles, .lineage[-2:]]))}' \
		"$LAB_DIR/said" >"$LAB_DIR/judged"
	is "$label: children" "$(wc -l <"$LAB_DIR/judged")" $((CHILDREN * $#))
	is "$label: wrong flows, bytes, far ends, names, lineages, roles" "$(jq -sc 'map(select(
		[.one, .bytes, .far, .name, .lineage, .role] | all | not)) | length, .[:3][]' "$LAB_DIR/judged")" 0
	is "$label: exec_id grows with each turn" \
		"$(jq -sc 'map(.exec) | . == (unique) and all(. != null)' "$LAB_DIR/judged")" true
	watched=$(jq -sc 'map(select(.by == "Runner.Worker").exec)' "$LAB_DIR/judged")
	wait_for 30 lab_prints "$watched" ring_alerts "$from" "$to"
	is "$label: an alert for each watched one, for nobody else" "$(ring_alerts "$from" "$to")" "$watched"
}

ring_alerts() { # FROM TO
	jq -nc "[inputs | select(.type == \"alert\" and .endpoint.ip == \"$FAR4_B\" and .endpoint.port >= $1
		and .endpoint.port < $2).process.exec_id] | sort" "$LAB_ALERTS"
}

# Four makers: a watched one, and three that are not, one of them in a pid namespace whose number 77
# is reused, too; half of the children execute a program before they send.
ring() {
	ring_make 4
	ring_args 0 10000
	link Runner.Worker ring/Runner.Worker --pid "$NUMBER" "${ARGS[@]}"
	ring_args 1 20000
	link sweeper ring/sweeper --pid "$NUMBER" "${ARGS[@]}"
	ring_args 2 30000
	link boxed unshare --pid --fork --kill-child ring/boxed --inner 77 --pid "$NUMBER" "${ARGS[@]}"
	ring_args 3 40000
	link keeper ring/keeper --pid "$NUMBER" "${ARGS[@]}"
	links_end ring
	is "ring: one number for all" "$(jq -sc 'map(.pid) | unique' "$LAB_DIR"/*.ring)" "[$NUMBER]"
	ring_check ring 10000 50000 Runner.Worker sweeper boxed keeper
	is "ring: flows of the number" "$(jq -sc 'map(.process.pid) | unique' "$LAB_DIR/ring.flows")" "[$NUMBER]"
}

# Runs what follows in namespaces of nobody's own, who could not change the machine's pid_max.
# shellcheck disable=SC2016 # the inner shell's
SMALL_NUMBERS=(setpriv --reuid=65534 --regid=65534 --clear-groups unshare --user --map-root-user
	--pid --fork --kill-child --mount-proc
	sh -c 'echo "$0" >/proc/sys/kernel/pid_max && "$@"' "$PID_MAX")

# The kernel gives out the numbers, from a space so small that they come again.
wrap() {
	local limit one=() CHILDREN=$((CHILDREN < 200 ? 200 : CHILDREN))

	limit=$("${SMALL_NUMBERS[@]}" cat /proc/sys/kernel/pid_max 2>/dev/null)
	is "wrap: the machine's own pid_max stays" "$(cat /proc/sys/kernel/pid_max)" "$REAL_PID_MAX"
	if [ "$limit" != "$PID_MAX" ]; then
		skip "wrap" "no pid_max of a pid namespace's own, or no namespaces for nobody"
		return
	fi
	ring_make 2
	ring_args 0 50000
	one=("${ARGS[@]}")
	ring_args 1 55000
	# Both in one namespace; the second one says what it has to say elsewhere.
	# shellcheck disable=SC2016 # the inner shell's
	link Runner.Worker "${SMALL_NUMBERS[@]}" bash -c 'n=$1; shift
		ring/Runner.Worker --pid 0 "${@:1:n}" & ring/keeper --pid 0 "${@:n+1}" >&3; wait' \
		both ${#one[@]} "${one[@]}" "${ARGS[@]}" 3>"$LAB_DIR/keeper.ring"
	links_end wrap
	ring_check wrap 50000 60000 Runner.Worker keeper
	is "wrap: numbers came again" "$(jq "map(.pid) | all(. < $PID_MAX)" "$LAB_DIR/said")" true
	# Where fork tells only a number, the inner one of who executed nothing is not known.
	is "wrap: an alert has the inner number" "$(jq -nc --slurpfile said "$LAB_DIR/said" '
		($said[0] | INDEX(.port)) as $by_port
		| [inputs | select(.type == "alert" and .endpoint.port >= 50000 and .endpoint.port < 60000)
			| $by_port["\(.endpoint.port)"] as $s
			| select(.process.ns_pid != $s.pid and (.process.ns_pid != null or $s.executed))]
			| length' "$LAB_ALERTS")" 0
	is "wrap: the machine's own pid_max stays" "$(cat /proc/sys/kernel/pid_max)" "$REAL_PID_MAX"
}

# Of all stages: who sent and had no role, whatever number it had, is in no alert.
nobody_alerted() {
	is "alerts: of the watched alone" "$(jq -nc '[inputs | select(.type == "alert") | select(
		.lineage | map(startswith("Runner.Worker[")) | any | not)
		| [.rule, .lineage[-2:]]]' "$LAB_ALERTS")" '[]'
	above_zero "alerts: there are some" "$(jq -nc '[inputs | select(.type == "alert")] | length' "$LAB_ALERTS")"
}

# What the far end read, by port.
far_agrees() {
	local port wrong=()

	for port in "${!SENT[@]}"; do
		[ "$(jq "select(.each == \"tcp\" and .port == $port).received" "$FAR_OUT")" = "${SENT[$port]}" ] ||
			wrong+=("$port")
	done
	is "the far end read what was said of each port" "${wrong[*]}" ""
	is "the far end read all" "$(far_received tcp)" $((${SENT[@]/#/+}))
}

lab_begin "${1:-build}"
need_programs setpriv unshare
need_built lab/puppet lab/reuse lab/recv live/mock_proc.so
lab_net_new
far_start --each --tcp 7000-7060
far_counts
config
start_outflowd "$LAB_CONFIG"
begin
in_turn
orphaned "orphan of a watched one" watched "$WATCHED" "$W_NAME" free "$NOBODY" "$F_NAME" 7010
orphaned "orphan of an unwatched one" free "$NOBODY" "$F_NAME" watched "$WATCHED" "$W_NAME" 7020
inherited "heir of a watched one" watched "$WATCHED" free "$NOBODY" "$F_NAME" 7030
inherited "heir of an unwatched one" free "$NOBODY" watched "$WATCHED" "$W_NAME" 7034
ring
wrap
[ -z "$DAEMONS" ] || restarted
nobody_alerted
books_balanced "books are balanced"
[ -z "$DAEMONS" ] || overtaken
far_stop
far_agrees
stop_outflowd
lab_end
