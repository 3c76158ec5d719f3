#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# roles.sh: the kernel's tag and the daemon agree about who has a role, and both agree with the
# policy: files are executed under many names and by many ways, and for each the roles that `outflow
# ps` shows, the mask in the kernel's own map, and what the policy says must be the same.
#
#	tests/live/roles.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# In the order of the policy: bit n of the kernel's mask.
ROLES=(name name63 link-name glob question exe exe-star exe-deep exe-inner exe-question tail script
	newline number memfd)

repeat() { # TEXT N
	local i

	for ((i = 0; i < $2; i++)); do
		printf %s "$1"
	done
}

N63=$(repeat n 63)
N64=$(repeat n 64)
L200=$(repeat l 200)

config() {
	lab_config <<-END
		limits: {executions: 8192, ring: 64MiB}
		roles:
		  name: {match: [{name: plain-name}]}
		  name63: {match: [{name: $N63}]}
		  link-name: {match: [{name: other-name}]}
		  glob: {match: [{name: "glob-*-end"}, {name: "llll*l"}]}
		  question: {match: [{name: "q?x"}]}
		  exe: {match: [{exe: $LAB_REAL_DIR/exact/tool}]}
		  exe-star: {match: [{exe: "$LAB_REAL_DIR/star/*/tool"}]}
		  exe-deep: {match: [{exe: "$LAB_REAL_DIR/deep/**"}]}
		  exe-inner: {match: [{exe: "$LAB_REAL_DIR/in/**/leaf*"}]}
		  exe-question: {match: [{exe: "$LAB_REAL_DIR/q/?.bin"}]}
		  tail: {match: [{exe: "**/the/very/tail"}]}
		  script: {match: [{name: scan.sh}]}
		  newline: {match: [{name: "two?lines"}, {exe: "**/new?line/*"}]}
		  number: {match: [{name: "9"}]}
		  memfd: {match: [{name: "memfd:lineage"}]}
	END
}

# A program below the test's folder, by a hard link: the path is what is tested.
file() { # PATH
	mkdir -p "$(dirname "$LAB_DIR/$1")"
	ln "$LAB_DIR/true" "$LAB_DIR/$1"
}

# Executes PATH from the folder; the process id is then in $pid.
run() { # MODE PATH
	local out

	out=$(cd "$LAB_DIR" && "$B/lab/lineage" --mode "$1" -- "$2" 2>&1 9<"$LAB_DIR/exact/tool")
	pid=$(jq -R 'fromjson? | .pid' <<<"$out")
	[ -n "$pid" ] || not_ok "$1 $2" "does not run: $out"
}

case_of() { # NAME ROLES MODE PATH
	local pid

	run "$3" "$4"
	CASES+=("$1|$2|$pid")
}

# What an exec of each may earn, by the policy above and nothing else.
cases_run() {
	local dirs

	file exact/tool
	file names/plain-name
	case_of "plain name" name exec names/plain-name
	file names/plain-name2
	case_of "a longer name" "" exec names/plain-name2
	file names/plain-nam
	case_of "a shorter name" "" exec names/plain-nam
	file "names/$N63"
	case_of "name of 63" name63 exec "names/$N63"
	file "names/$N64"
	case_of "name of 64 that begins alike" "" exec "names/$N64"
	ln -s "$LAB_DIR/names/plain-nam" "$LAB_DIR/names/${N63}m"
	case_of "link of 64 that begins alike" "" exec "names/${N63}m"
	file "names/$L200"
	case_of "name of 200" glob exec "names/$L200"
	file names/glob-in-the-end
	case_of "glob" glob exec names/glob-in-the-end
	file names/glob-in-the-end-not
	case_of "glob, more behind" "" exec names/glob-in-the-end-not
	file names/q.x
	case_of "question mark" question exec names/q.x
	file names/qx
	case_of "question mark, none there" "" exec names/qx
	ln -s plain-name "$LAB_DIR/names/other-name"
	case_of "link of another name" link-name,name exec names/other-name
	ln -s "$LAB_DIR/exact/tool" "$LAB_DIR/names/harmless"
	case_of "link to a path" exe exec names/harmless
	case_of "path" exe exec exact/tool
	case_of "path, by .. and //" exe exec "$LAB_DIR/names/..//exact/./tool"
	file star/one/tool
	case_of "star" exe-star exec star/one/tool
	file star/one/two/tool
	case_of "star over a slash" "" exec star/one/two/tool
	file deep/a/b/c
	case_of "two stars" exe-deep exec deep/a/b/c
	file in/a/b/leaf7
	case_of "two stars within" exe-inner exec in/a/b/leaf7
	file in/leaf7
	case_of "two stars within, nothing there" "" exec in/leaf7
	file q/x.bin
	case_of "question mark in a path" exe-question exec q/x.bin
	file q/xy.bin
	case_of "question mark in a path, two" "" exec q/xy.bin
	dirs=$(repeat d/ 40)
	file "deep/${dirs}the/very/tail"
	case_of "44 folders" exe-deep,tail exec "deep/${dirs}the/very/tail"
	dirs=$(repeat "$(repeat x 40)/" 8)
	file "deep/${dirs}the/very/tail"
	# Of more than 255 bytes only the tail is known, here and there.
	case_of "path over 255 bytes" tail exec "deep/${dirs}the/very/tail"
	printf '#!%s\n' "$LAB_DIR/exact/tool" >"$LAB_DIR/names/scan.sh"
	chmod 0755 "$LAB_DIR/names/scan.sh"
	case_of "script: its name and its interpreter" exe,script exec names/scan.sh
	case_of "by /proc/self/fd" exe,number exec /proc/self/fd/9
	case_of "fexecve of a memfd" memfd memfd exact/tool
	case_of "fexecve of a deleted file" "" deleted exact/tool
	file $'names/two\nlines'
	case_of "name with a newline" newline exec $'names/two\nlines'
	file $'new\nline/tool'
	case_of "path with a newline" newline exec $'new\nline/tool'
	case_of "relative path with a dot" name exec ./names/plain-name
	case_of "from a thread" name thread names/plain-name
}

# The kernel's executions, as "pid mask" by exec_id: the last one of a process wins.
kernel_masks() {
	local id

	# shellcheck disable=SC2013 # numbers
	for id in $(sed -n 's/^map_id:\s*//p' "/proc/$LAB_DAEMON/fdinfo/"*); do
		[ "$(bpftool -j map show id "$id" | jq -r .name)" = executions ] || continue
		bpftool -j map dump id "$id" | jq -r '.[].formatted.value.e | select(.exec_id > 0)
			| "\(.tgid) \(.exec_id) \(.roles)"' | sort -k 2n
		return
	done
}

mask_names() { # MASK
	local i names=()

	for i in "${!ROLES[@]}"; do
		((${1:-0} >> i & 1)) && names+=("${ROLES[i]}")
	done
	printf '%s\n' "${names[@]}" | sort | paste -sd ,
}

# shellcheck disable=SC2317 # wait_for calls it
all_told() {
	outflow ps --json --all >"$LAB_DIR/ps.json" &&
		[ "$(jq -s "[.[].process.pid] | index($1) != null" "$LAB_DIR/ps.json")" = true ]
}

check_cases() {
	local c name expected pid rest mask daemon

	wait_for 10 all_told "${CASES[-1]##*|}"
	for c in "${CASES[@]}"; do
		name=${c%%|*}
		rest=${c#*|}
		expected=${rest%%|*}
		pid=${c##*|}
		mask=$(awk -v pid="$pid" '$1 == pid { m = $3 } END { print m }' "$LAB_DIR/masks")
		daemon=$(jq -rs --argjson pid "$pid" 'map(select(.process.pid == $pid))
			| max_by(.process.exec_id).roles | sort | join(",")' "$LAB_DIR/ps.json")
		is "$name: by the policy" "$daemon" "$(tr , '\n' <<<"$expected" | sort | paste -sd ,)"
		is "$name: by the kernel" "$(mask_names "$mask")" "$daemon"
	done
}

CASES=()
lab_begin "${1:-build}"
need_programs bpftool awk
need_built lab/lineage
cp "$(type -P true)" "$LAB_DIR/true"
config
start_outflowd "$LAB_CONFIG"
# It gives slots of the dead back after some seconds, which a busy machine may take for this.
kill -STOP "$LAB_DAEMON"
cases_run
kernel_masks >"$LAB_DIR/masks"
kill -CONT "$LAB_DAEMON"
check_cases
stop_outflowd
lab_end
