#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# container.sh: real containers upload, made by podman and runc from an image that the test builds
# out of busybox: one started by a CI job, one that was there before outflowd, one whose job asks
# podman's service for it over its socket. The alert names what podman itself says of each: id and
# image; what the kernel says of the process: its pid there and here; and as many bytes as the far
# end read. A recording says the same. A process whose cgroup is only called like a container's,
# below a user's service manager, is said to claim that.
#
#	tests/live/container.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

UPLOAD=400000
FAR=$FAR4_C
CREATED=() # cgroups of v1 that may be left empty

# All that podman keeps is the test's own, but the state of runc. This kernel may let nobody raise a
# limit: those that containers get are below what there is.
PODMAN_OPTIONS=(--cgroup-manager cgroupfs --storage-driver vfs --events-backend file --runtime runc)
RUN_OPTIONS=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --pull never)

podman() {
	"$PODMAN" --root "$LAB_DIR/storage" --runroot "$LAB_DIR/run" --tmpdir "$LAB_DIR/tmp" \
		"${PODMAN_OPTIONS[@]}" "$@" 2>>"$LAB_DIR/podman.err"
}

# shellcheck disable=SC2317 # a trap calls it
container_clean() {
	local dir i

	trap '' HUP INT TERM
	# It waits for each until it is gone.
	[ ! -d "$LAB_DIR/storage" ] || podman rm --all --force --time 0 >/dev/null
	# shellcheck disable=SC2046
	umount $(awk -v dir="$LAB_DIR/storage/" 'index($2, dir) == 1 { print $2 }' /proc/mounts) 2>/dev/null
	for dir in "${CREATED[@]}"; do
		rmdir "$dir/conmon" 2>/dev/null
	done
	# Those within others come last.
	for ((i = ${#CREATED[@]} - 1; i >= 0; i--)); do
		rmdir "${CREATED[i]}" 2>/dev/null
	done
	lab_clean
}

# Where podman puts its containers, in each hierarchy that has no such folder yet.
cgroups_note() {
	local dir

	while read -r dir; do
		[ -d "$dir/libpod_parent" ] || CREATED+=("$dir/libpod_parent")
	done < <(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts)
}

image_make() { # NAME
	local dir=$LAB_DIR/image a

	mkdir -p "$dir/bin" "$dir/out"
	cp "$BUSYBOX" "$dir/bin/busybox"
	for a in sh nc cat; do
		ln -sf busybox "$dir/bin/$a"
	done
	head -c "$UPLOAD" /dev/urandom >"$dir/data"
	printf '%s\n' "$1" >"$dir/name" # no two images are the same
	tar -C "$dir" -c . | podman import - "$1" >"$LAB_DIR/import.log"
}

config() {
	lab_config <<-END
		roles:
		  runner: {match: [{name: Runner.Worker}]}
		rules:
		  - {id: job-upload, when: {role: runner, sent: {over: 100KiB, within: 10m, per: process}}}
		  - {id: any-upload, when: {sent: {over: 100KiB, within: 10m, per: process}}}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

# What runs in a container: a shell that waits until it may, and then sends by a child of its own,
# which says what its pid is and stays until it is let go. With paths: by name alone busybox executes
# /proc/self/exe.
upload_command() {
	# shellcheck disable=SC2016 # of the container
	printf '%s' '/bin/cat /out/go >/dev/null
		{ /bin/cat /data; /bin/cat /out/hold; } |
			/bin/sh -c "echo \$\$ >/out/pid; exec /bin/nc '"$FAR"' 443" & wait'
}

# A folder that the test and a container share.
out_make() { # NAME
	OUT=$LAB_DIR/$1
	mkdir "$OUT"
	mkfifo "$OUT/go" "$OUT/hold"
}

# The arguments of `podman run` for a container of that name.
run_arguments() { # NAME IMAGE
	RUN=(run --detach --name "$1" "${RUN_OPTIONS[@]}" --network "ns:/run/netns/$SENDER_NET"
		--volume "$LAB_DIR/$1:/out" "$2" /bin/sh -c "$(upload_command)")
}

# A CI job that starts a container.
job() { # PROGRAM ARGUMENT...
	# Not the last command: bash would become it.
	# shellcheck disable=SC2016
	"$LAB_DIR/Runner.Worker" -c '"$@" >"$0" 2>&1; exit $?' "$LAB_DIR/job.log" "$@" ||
		not_ok "job" "$* says: $(tail -n 2 "$LAB_DIR/job.log" | tr '\n' ' ')"
}

# The pid of the one whose pid in the container is PID: the kernel has both in one line.
outside_pid() { # CONTAINER-ID PID
	local p

	# shellcheck disable=SC2013 # numbers
	for p in $(cat "$CGROUP2/libpod_parent/libpod-$1/cgroup.procs"); do
		[ "$(awk '$1 == "NSpid:" { print $NF }' "/proc/$p/status" 2>/dev/null)" != "$2" ] || echo "$p"
	done
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # RULE ID
	[ -n "$(jq --arg id "$2" --arg rule "$1" 'select(.type == "alert" and .rule == $rule
		and .process.container.id == $id).seq' "$LAB_ALERTS" 2>/dev/null)" ]
}

# Lets the container NAME send, and compares what is told of it. $alert is then its alert.
upload() { # NAME IMAGE RULE
	local name=$1 image=$2 rule=$3 id inside outside

	OUT=$LAB_DIR/$name
	id=$(podman inspect --format '{{.Id}}' "$name")
	is "$name: podman has it run" "$(podman inspect --format '{{.State.Running}}' "$name")" true
	: >"$OUT/go"
	wait_for 20 alerted "$rule" "$id" || not_ok "$name: an alert" "none; $(tail -n 1 "$LAB_DIR/podman.err")"
	inside=$(cat "$OUT/pid")
	outside=$(outside_pid "$id" "$inside")
	# shellcheck disable=SC2034 # the callers read it, and the lineage
	alert=$(jq -c --arg id "$id" --arg rule "$rule" 'select(.type == "alert" and .rule == $rule
		and .process.container.id == $id)' "$LAB_ALERTS")
	is "$name: id, as podman has it" "$(jq -r .process.container.id <<<"$alert")" "$id"
	is "$name: image, as podman has it" "$(jq -r .process.container.image <<<"$alert")" \
		"$(podman inspect --format '{{.ImageName}}' "$name")"
	is "$name: it is the one of the test" "$(jq -r .process.container.image <<<"$alert")" "$image"
	is "$name: runtime" "$(jq -r .process.container.runtime <<<"$alert")" podman
	is "$name: no pod" "$(jq -r .process.container.pod <<<"$alert")" null
	is "$name: pid, as the kernel has it" "$(jq -r .process.pid <<<"$alert")" "$outside"
	is "$name: pid in there, as it has it itself" "$(jq -r .process.ns_pid <<<"$alert")" "$inside"
	is "$name: cgroup, as podman has it" "$(jq -r .process.cgroup <<<"$alert")" \
		"$(podman inspect --format '{{.State.CgroupPath}}' "$name")"
	is "$name: program" "$(jq -r .process.name <<<"$alert")" nc
	is "$name: far end" "$(jq -r '"\(.endpoint.ip):\(.endpoint.port)"' <<<"$alert")" "$FAR:443"
	is "$name: bytes" "$(flows_settle 10 $UPLOAD flows_of "$outside")" $UPLOAD
	lineage=$(jq -r '[.lineage[] | sub("\\[[0-9]+\\]$"; "")] | join(" ")' <<<"$alert")
	: >"$OUT/hold"
	podman wait "$name" >/dev/null
}

# ---- The cases ----

by_job() {
	local alert lineage

	out_make by-job
	run_arguments by-job localhost/outflow-test:job
	job podman --root "$LAB_DIR/storage" --runroot "$LAB_DIR/run" --tmpdir "$LAB_DIR/tmp" \
		"${PODMAN_OPTIONS[@]}" "${RUN[@]}"
	upload by-job localhost/outflow-test:job job-upload
	is "by-job: roles" "$(jq -c .roles <<<"$alert")" '["runner"]'
	is "by-job: lineage from the job down" "$(grep -cE \
		'(^| )Runner\.Worker podman (conmon )+runc .* sh sh nc$' <<<"$lineage")" 1
	printf '  %s\n' "$lineage"
}

# It ran before outflowd did.
older() {
	local alert lineage

	upload older localhost/outflow-test:older any-upload
}

# It sends as soon as it is there, as its first process, and is over.
hasty() {
	local id

	job podman --root "$LAB_DIR/storage" --runroot "$LAB_DIR/run" --tmpdir "$LAB_DIR/tmp" \
		"${PODMAN_OPTIONS[@]}" run --name hasty "${RUN_OPTIONS[@]}" \
		--network "ns:/run/netns/$SENDER_NET" localhost/outflow-test:hasty \
		/bin/sh -c "exec /bin/nc $FAR 443 </data"
	id=$(podman inspect --format '{{.Id}}' hasty)
	wait_for 20 alerted job-upload "$id"
	is "hasty: image, and its pid in there" "$(jq -r --arg id "$id" 'select(.type == "alert" and .rule == "job-upload"
		and .process.container.id == $id)
		| "\(.process.container.image) \(.process.ns_pid)"' "$LAB_ALERTS")" \
		"localhost/outflow-test:hasty 1"
}

# The job's own descendants do nothing: who starts the container is podman's service.
by_socket() {
	local alert lineage sock=$LAB_DIR/podman.sock

	"$PODMAN" --root "$LAB_DIR/storage" --runroot "$LAB_DIR/run" --tmpdir "$LAB_DIR/tmp" \
		"${PODMAN_OPTIONS[@]}" system service --time 0 "unix://$sock" 2>"$LAB_DIR/service.err" &
	SERVICE=$!
	LAB_PIDS+=("$SERVICE")
	wait_for 20 test -S "$sock" || not_ok "podman's service" "$(tail -n 1 "$LAB_DIR/service.err")"
	out_make by-socket
	run_arguments by-socket localhost/outflow-test:socket
	job podman --remote --url "unix://$sock" "${RUN[@]}"
	upload by-socket localhost/outflow-test:socket any-upload
	is "by-socket: the lineage is the service's" "$(grep -c 'Runner' <<<"$lineage")" 0
	is "by-socket: via, kind" "$(jq -r .via.kind <<<"$alert")" podman
	is "by-socket: via, socket" "$(jq -r .via.socket <<<"$alert")" "$LAB_REAL_DIR/podman.sock"
	is "by-socket: via, deputy" "$(jq -r .via.deputy <<<"$alert")" "podman[$SERVICE]"
	is "by-socket: via, who asked" "$(jq -r .via.asked_by.name <<<"$alert")" podman
	is "by-socket: via, from the job" "$(jq -r '[.via.asked_by.lineage[]?] | any(test("^Runner.Worker"))' \
		<<<"$alert")" true
	is "by-socket: via, inferred" "$(jq -r .via.inferred <<<"$alert")" true
	lab_end_pids "$SERVICE"
	lab_forget_pid "$SERVICE"
}

# Somebody who was handed cgroups calls one as the container of another case is called.
claimed() {
	local id alert dir=$CGROUP2/outflow-claim.$$/user@12345.service

	id=$(podman inspect --format '{{.Id}}' older)
	CREATED+=("$CGROUP2/outflow-claim.$$" "$dir" "$dir/docker-$id.scope")
	mkdir -p "$dir/docker-$id.scope"
	# shellcheck disable=SC2016
	"$BASH" -c 'echo $$ >"$1/cgroup.procs" && exec nsenter --net="$2" "$3" nc "$4" 443 <"$5"' claim \
		"$dir/docker-$id.scope" "/run/netns/$SENDER_NET" "$BUSYBOX" "$FAR" "$LAB_DIR/image/data"
	wait_for 20 alerted_claim "$id" || not_ok "claimed: an alert" "none"
	alert=$(jq -c --arg id "$id" 'select(.type == "alert" and .process.container.claimed
		and .process.container.id == $id).process' "$LAB_ALERTS")
	is "claimed: where it is" "$(jq -r .cgroup <<<"$alert")" "${dir#"$CGROUP2"}/docker-$id.scope"
	is "claimed: what is known" "$(jq -c '.container | [.runtime, .image, .pod]' <<<"$alert")" \
		'["docker",null,null]'
	is "claimed: of the real ones nothing is" "$(jq -s '[.[] | select(.type == "alert")
		| .process.container | select(.claimed) | .runtime] | unique | join(" ")' "$LAB_ALERTS")" '"docker"'
}

# shellcheck disable=SC2317 # wait_for calls it
alerted_claim() { # ID
	[ -n "$(jq --arg id "$1" 'select(.type == "alert" and .process.container.claimed
		and .process.container.id == $id).seq' "$LAB_ALERTS" 2>/dev/null)" ]
}

check_replay() {
	local got live

	live=$(jq -cS 'select(.type == "alert") | [.rule, .process.container]' "$LAB_ALERTS")
	got=$("$B/outflow" replay "$LAB_DIR/recording" -c "$LAB_CONFIG" --json 2>/dev/null |
		jq -cS 'select(.type == "alert") | [.rule, .process.container]')
	is "replay: the same containers" "$got" "$live"
}

lab_begin "${1:-build}"
trap container_clean EXIT
may_lack podman runc conmon busybox
need_programs tar awk
need_built lab/recv
BUSYBOX=$(type -P busybox)
PODMAN=$(type -P podman)
CGROUP2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
cgroups_note
lab_net_new
far_start --tcp 443
cp "$BASH" "$LAB_DIR/Runner.Worker"
for image in older job socket hasty; do
	image_make "localhost/outflow-test:$image" || not_ok "image" "$(tail -n 1 "$LAB_DIR/podman.err")"
done
out_make older
run_arguments older localhost/outflow-test:older
podman "${RUN[@]}" >"$LAB_DIR/older.id" || not_ok "a container" "$(tail -n 1 "$LAB_DIR/podman.err")"
config
start_outflowd "$LAB_CONFIG" --record "$LAB_DIR/recording"
by_job
older
hasty
by_socket
claimed
far_stop
is "far end: bytes of all" "$(far_received tcp)" $((5 * UPLOAD))
books_balanced "the books balance"
stop_outflowd
check_replay
lab_end
