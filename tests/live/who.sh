#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# who.sh: what an alert says of the execution that sent: where its file came from, in which cgroup and
# container it was, also when that is gone before anybody looks, its pid inside and outside, and which
# capabilities it gained. And that its arguments do not stay where the probes make their records.
#
#	tests/live/who.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

BYTES=100000
ID=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

config() {
	lab_config <<-END
		roles:
		  sender:
		    match: [{name: payer}, {name: "memfd:lineage"}, {name: "outflow-lineage.*"}]
		rules:
		  - id: upload
		    when: {role: sender, sent: {over: 32KiB, within: 10m, per: process}}
		    severity: high
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

# Sends, as the last of COMMAND; its output, a line of JSON with its pid, is in $OUT.
sends() { # NAME COMMAND...
	OUT=$LAB_DIR/$1.out
	shift
	in_sender "$@" --way tcp-write --to "$FAR4:7000" --bytes $BYTES >"$OUT" 2>&1 </dev/null
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # N
	[ "$(jq -n '[inputs | select(.type == "alert")] | length' "$LAB_ALERTS")" -ge "$1" ]
}

# That of the N-th alert: inside a namespace a process does not know its pid out here.
nth_process() { # N
	wait_for 10 alerted "$1"
	jq -nc "[inputs | select(.type == \"alert\")][$1 - 1].process" "$LAB_ALERTS"
}

file_cases() {
	local p

	sends plain "$LAB_DIR/payer"
	p=$(nth_process 1)
	is "a plain file: nothing to say" "$(jq -c .exe_state <<<"$p")" '[]'
	is "a plain file: no container" "$(jq -c .container <<<"$p")" null
	is "a plain file: a cgroup, if only the root" "$(jq -r '.cgroup[:1]' <<<"$p")" /
	is "a plain file: same pid inside" "$(jq '.ns_pid == .pid' <<<"$p")" true
	is "a plain file: gained nothing" "$(jq -c .caps_gained <<<"$p")" '[]'
	sends memfd "$B/lab/lineage" --mode memfd -- "$LAB_DIR/payer"
	p=$(nth_process 2)
	is "memfd: said" "$(jq -c .exe_state <<<"$p")" '["memfd"]'
	sends deleted "$B/lab/lineage" --mode deleted -- "$LAB_DIR/payer"
	p=$(nth_process 3)
	is "deleted: said" "$(jq -c .exe_state <<<"$p")" '["deleted"]'
	is "deleted: its path" "$(jq -r '.exe | startswith("/tmp/outflow-lineage.")' <<<"$p")" true
}

overlay_case() {
	local d=$LAB_DIR/overlay p

	mkdir -p "$d"/{lower,upper,work,merged} && cp "$LAB_DIR/payer" "$d/lower/"
	if ! unshare -m sh -c "mount -t overlay none -o lowerdir=$d/lower,upperdir=$d/upper,workdir=$d/work $d/merged" 2>/dev/null; then
		skip "overlay" "this kernel or file system takes no overlay"
		sends filler "$LAB_DIR/payer" # one alert, as the others count them
		nth_process 4 >/dev/null
		return
	fi
	sends overlay unshare -m sh -c "mount -t overlay none -o lowerdir=$d/lower,upperdir=$d/upper,workdir=$d/work $d/merged && exec $d/merged/payer \"\$@\"" sh
	p=$(nth_process 4)
	is "overlay: said" "$(jq -c .exe_state <<<"$p")" '["overlay"]'
	is "overlay: its path" "$(jq -r .exe <<<"$p")" "$LAB_REAL_DIR/overlay/merged/payer"
}

# The cgroup has the name that docker gives and goes with its process: before the daemon looks.
# shellcheck disable=SC2317 # in_net calls it
in_cgroup() { # DIR COMMAND...
	local dir=$1

	shift
	(
		echo "$BASHPID" >"$dir/cgroup.procs"
		exec "$@"
	)
	rmdir "$dir"
}

cgroup_case() {
	local root dir p

	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	dir=$root/outflow-$$/docker-$ID.scope
	if ! mkdir -p "$dir"; then
		not_ok "cgroup" "cannot be made"
		return
	fi
	sends cgroup in_cgroup "$dir" "$LAB_DIR/payer"
	rmdir "$root/outflow-$$"
	p=$(nth_process 5)
	is "cgroup: its path, though it is gone" "$(jq -r .cgroup <<<"$p")" "/outflow-$$/docker-$ID.scope"
	is "cgroup: the container" "$(jq -c .container <<<"$p")" \
		"{\"id\":\"$ID\",\"runtime\":\"docker\",\"image\":null,\"pod\":null,\"claimed\":false}"
}

pid_case() {
	local p

	sends pids unshare -p -f --kill-child "$LAB_DIR/payer"
	p=$(nth_process 6)
	is "pid namespace: the pid inside" "$(jq .ns_pid <<<"$p")" 1
	is "pid namespace: as the sender knows itself" "$(jq .pid "$OUT")" 1
	is "pid namespace: another outside" "$(jq '.pid > 1' <<<"$p")" true
	is "pid namespace: is another one" "$(jq '.pid_ns' <<<"$p" | grep -cvx "$(stat -Lc %i /proc/self/ns/pid)")" 1
}

# A user's process that executes a file which makes it root.
caps_case() {
	local p

	mkdir -p "$LAB_DIR/suid" && cp "$LAB_DIR/payer" "$LAB_DIR/suid/payer" &&
		chown root "$LAB_DIR/suid/payer" && chmod 4755 "$LAB_DIR/suid/payer"
	chmod 0711 "$LAB_DIR" "$LAB_DIR/suid"
	sends caps setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "exec $LAB_DIR/suid/payer \"\$@\"" sh
	p=$(nth_process 7)
	is "setuid: capabilities gained" "$(jq -c '.caps_gained | contains(["cap_sys_admin", "cap_net_raw"])' <<<"$p")" true
	is "setuid: the group stays" "$(jq .gid <<<"$p")" 65534
	is "setuid: the real user too" "$(jq .uid <<<"$p")" 65534
}

# As bpftool prints bytes.
bytes() { # TEXT
	printf '%s' "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/^ /"0x/; s/ /","0x/g; s/$/"/'
}

# Behind more arguments than any program has that is executed until the map is read.
scratch_case() {
	local mark map=$LAB_PINS/live/maps/scratches

	mark=$(random_text a-z0-9 24)
	taskset -c 0 true "$(printf '%1000s' '')" "$mark" "$mark"
	bpftool -j map dump pinned "$map" | tr -d '[:space:]' >"$LAB_DIR/scratches"
	is "arguments do not stay" "$(grep -cF -f <(bytes "$mark") "$LAB_DIR/scratches")" 0
	is "that was read" "$(grep -cF -f <(bytes bin/) "$LAB_DIR/scratches")" 1
}

lab_begin "${1:-build}"
need_programs bpftool taskset
need_built lab/send lab/lineage lab/recv
lab_net_new
far_start --tcp 7000
cp "$B/lab/send" "$LAB_DIR/payer"
config
start_outflowd "$LAB_CONFIG"
file_cases
overlay_case
cgroup_case
pid_case
caps_case
scratch_case
books_balanced "books are balanced"
far_stop
stop_outflowd
lab_end
