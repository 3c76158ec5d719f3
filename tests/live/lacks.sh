#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lacks.sh: on a machine that lacks something outflowd does not start. It says in exactly one line
# what is missing and what to do, ends with status 1, and leaves nothing behind: no program in the
# kernel, no pin, no socket.
#
#	tests/live/lacks.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

NOBODY=65534

config() {
	lab_config <<-END
		roles:
		  scanner:
		    match: [{name: trivy}]
		rules:
		  - id: scanner-volume
		    when: {role: scanner, sent: {over: 16MiB, within: 10m, per: lineage}}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

# A copy of the configuration with another control path.
config_at() { # NAME CONTROL
	sed "s|control: [^,]*,|control: $2,|" "$LAB_CONFIG" >"$LAB_DIR/$1.yaml"
	chmod 0644 "$LAB_DIR/$1.yaml"
	echo "$LAB_DIR/$1.yaml"
}

# Programs of ours that the kernel still has although no process holds them, by id: those that another
# outflowd of this machine left pinned before are not meant.
progs_left() {
	progs_without_owner | comm -23 - <(echo "$PROGS_BEFORE")
}

progs_without_owner() {
	local held

	held=$(cat /proc/[0-9]*/fdinfo/* 2>/dev/null | sed -n 's/^prog_id:\s*//p' | sort -u)
	bpftool -j prog list | jq -r '.[] | select(.name // "" |
		test("^(lineage|ledger|endpoint)_")) | .id' | sort -u | comm -23 - <(echo "$held")
}

# shellcheck disable=SC2317 # wait_for calls it
no_progs_left() {
	[ -z "$(progs_left)" ]
}

# Runs outflowd in a way that must be refused.
refused() { # NAME PATTERN COMMAND...
	local name=$1 pattern=$2 err=$LAB_DIR/refused.err status

	shift 2
	"$@" >"$LAB_DIR/refused.out" 2>"$err" </dev/null
	status=$?
	sed 's/^/  /' "$err"
	is "$name: exit status" "$status" 1
	is "$name: one line" "$(wc -l <"$err")" 1
	if grep -qE -- "$pattern" "$err"; then
		ok "$name: says what and what to do"
	else
		not_ok "$name: says what and what to do" "expected '$pattern'"
	fi
	is "$name: nothing on stdout" "$(cat "$LAB_DIR/refused.out")" ""
	is "$name: no socket left" "$([ -z "$LAB_DAEMON" ] && ls "$LAB_SOCK" 2>/dev/null)" ""
	is "$name: no pin left" "$([ -z "$LAB_DAEMON" ] && ls -d "$LAB_PINS" 2>/dev/null)" ""
	wait_for 10 no_progs_left || not_ok "$name: no program left" "$(progs_left | tr '\n' ' ')"
}

# With a mount namespace of its own, prepared by a shell line. What it mounts and unmounts lies in
# /sys and in the test's own folder; / itself is no mount point in a chroot.
# shellcheck disable=SC2317 # refused calls it
elsewhere() { # PREPARE PROGRAM ARGUMENT...
	local prepare=$1

	shift
	# shellcheck disable=SC2016
	unshare --mount --propagation unchanged bash -c "mount --make-rprivate /sys &&
		mount --bind '$LAB_DIR/own' '$LAB_DIR/own' && mount --make-private '$LAB_DIR/own' &&
		$prepare"' && exec "$@"' elsewhere "$@"
}

# shellcheck disable=SC2317 # refused calls it
as_nobody() {
	setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups "$@"
}

machine_lacks() {
	local run=(timeout 20 "$B/outflowd" -f -c "$LAB_CONFIG")

	cp "$B/outflowd" "$LAB_DIR/outflowd" # the build may lie where nobody else may look
	refused "not root" 'CAP_[A-Z_]+ is missing .*run it as root' \
		as_nobody timeout 20 "$LAB_DIR/outflowd" -f -c "$LAB_CONFIG"
	refused "no type data" '/sys/kernel/btf/vmlinux: .*CONFIG_DEBUG_INFO_BTF' \
		elsewhere "mount --bind '$LAB_DIR/empty' /sys/kernel/btf" "${run[@]}"
	# shellcheck disable=SC2016
	refused "no cgroup2" 'no cgroup2 tree is mounted: .*mount -t cgroup2' \
		elsewhere 'while read -r _ dir type _; do
			[ "$type" != cgroup2 ] || umount "$dir" || exit 99
		done </proc/self/mounts' "${run[@]}"
	refused "no ring buffer" 'refuses a BPF ring buffer .*(container|seccomp)' \
		env "LD_PRELOAD=$B/live/mock_bpf.so" "${run[@]}"
}

config_lacks() {
	local run=(timeout 20 "$B/outflowd" -f -c)

	refused "no configuration" 'missing\.yaml: .*No such file' "${run[@]}" "$LAB_DIR/missing.yaml"
	cp "$LAB_CONFIG" "$LAB_DIR/foreign.yaml"
	chown $NOBODY "$LAB_DIR/foreign.yaml"
	refused "somebody else's configuration" "owned by uid $NOBODY.*chown root" \
		"${run[@]}" "$LAB_DIR/foreign.yaml"
	cp "$LAB_CONFIG" "$LAB_DIR/open.yaml"
	chmod 0666 "$LAB_DIR/open.yaml"
	refused "a configuration for all to write" 'mode 0666 .*chmod go-w' \
		"${run[@]}" "$LAB_DIR/open.yaml"
	ln -s "$LAB_CONFIG" "$LAB_DIR/link.yaml"
	refused "a link as configuration" 'symbolic link: give the file' \
		"${run[@]}" "$LAB_DIR/link.yaml"
	echo 'version: 1' >"$LAB_DIR/wrong.yaml"
	echo 'rules: [{id: x, when: {role: nobody}}]' >>"$LAB_DIR/wrong.yaml"
	refused "a mistake in the configuration" 'wrong\.yaml:2:[0-9]+: ' \
		"${run[@]}" "$LAB_DIR/wrong.yaml"
}

control_lacks() {
	local run=(timeout 20 "$B/outflowd" -f -c)

	: >"$LAB_DIR/file"
	refused "control path below a file" "$LAB_DIR/file/c.sock.*Not a directory" \
		"${run[@]}" "$(config_at below "$LAB_DIR/file/c.sock")"
	mkdir "$LAB_DIR/own/ro"
	# shellcheck disable=SC2016
	refused "control path that cannot be written" "$LAB_DIR/own/ro/c.sock.*Read-only" \
		elsewhere "mount -t tmpfs -o ro none '$LAB_DIR/own/ro'" \
		"${run[@]}" "$(config_at ro "$LAB_DIR/own/ro/c.sock")"
	refused "something else in the socket's place" 'file.: .*left alone' \
		"${run[@]}" "$(config_at taken "$LAB_DIR/file")"
	is "it is still there" "$(stat -c %F "$LAB_DIR/file")" "regular empty file"
	start_outflowd "$LAB_CONFIG"
	refused "another outflowd" 'another outflowd' "${run[@]}" "$LAB_CONFIG"
	is "the first one still answers" "$(outflow status --json | jq .pid)" "$LAB_DAEMON"
	stop_outflowd
}

lab_begin "${1:-build}"
need_programs setpriv unshare bpftool timeout
need_built live/mock_bpf.so outflowd outflow
chmod 0755 "$LAB_DIR" # for nobody
mkdir "$LAB_DIR/empty" "$LAB_DIR/own"
lab_bpffs
config
PROGS_BEFORE=$(progs_without_owner)
machine_lacks
config_lacks
control_lacks
lab_end
