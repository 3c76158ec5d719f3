#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# ways.sh: by whatever way a byte leaves, it is posted: for each way of the traffic lab, over IPv4,
# IPv6 and v4-mapped IPv6, the ledger's sum for the sending process equals the sender's own count to
# the byte, all of it at the right far end; for streams the far end read as much, too.
#
#	tests/live/ways.sh [BUILD] [WAY...]
#
# LIVE_BYTES     bytes of the large rows (1 GiB); the others send a sixteenth, at most 64 MiB
# LIVE_NO_LEDGER when set, the senders are only held against the far end: for work on the lab itself

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

LARGE=${LIVE_BYTES:-1073741824}
SMALL=$((LARGE / 16 > 67108864 ? 67108864 : LARGE / 16))
PORT=7000

# way, families, large or small, what the far end counts (- nothing that must be equal)
ways_table() {
	cat <<-END
		tcp-write	4,6,m	large	tcp
		tcp-sendfile	4,6	large	tcp
		tcp-splice	4,6	large	tcp
		tcp-zerocopy	4,6	large	tcp
		udp-send	4,6	large	udp
		uring-send	4,6	large	tcp
		uring-async	4,6	large	tcp
		uring-sqpoll	4,6	large	tcp
		tcp-send	4,6	small	tcp
		tcp-writev	4,6	small	tcp
		tcp-sendmsg	4,6	small	tcp
		tcp-sendmmsg	4,6	small	tcp
		tcp-fastopen	4,6,m	small	tcp
		tcp-msgmore	4,6	small	tcp
		tcp-cork	4,6	small	tcp
		tcp-oob		4,6	small	tcp
		tcp-nonblock	4,6,m	small	tcp
		tcp-thread	4,6	small	tcp
		mptcp		4,6	small	mptcp
		udp-write	4,6	small	udp
		udp-sendto	4,6,m	small	udp
		udp-sendmsg	4,6	small	udp
		udp-sendmmsg	4,6,m	small	udp
		udp-gso		4,6	small	udp
		udp-cork	4,6	small	udp
		udplite		4,6	small	-
		ping		4,6	small	-
		raw-icmp	4,6	small	-
		raw-ip		4,6	small	-
		packet-raw	4,6	small	-
		packet-dgram	4,6	small	-
		uring-sendzc	4,6	small	tcp
		uring-sendmsg	4,6	small	tcp
		uring-write	4,6	small	tcp
		uring-udp	4,6,m	small	udp
	END
}

ledger() {
	[ -z "${LIVE_NO_LEDGER:-}" ]
}

# A jq condition for the account that all of it must be in.
endpoint_of() { # WAY IP
	case $1 in
	packet-*) echo true ;;
	ping | raw-*) echo ".endpoint.ip == \"$2\"" ;;
	*) echo ".endpoint.ip == \"$2\" and .endpoint.port == $PORT" ;;
	esac
}

# The latest execution of this number that sent: others may have had the number before.
execution_of() { # PID
	outflow flows --json | jq -n "[inputs.process | select(.pid == $1).exec_id] | max // 0"
}

# shellcheck disable=SC2317 # flows_settle calls it
posted_of() { # PID
	flows_sum ".process.exec_id == $(execution_of "$1")"
}

# Sets posted, elsewhere and exec_id: the sum, what of it is not at this far end, and whose it is.
ledger_read() { # PID WAY IP SENT
	posted=$(flows_settle 10 "$4" posted_of "$1")
	exec_id=$(execution_of "$1")
	elsewhere=$(flows_sum ".process.exec_id == $exec_id and (($(endpoint_of "$2" "$3")) | not)")
}

row() { # WAY FAMILY BYTES FAR
	local way=$1 family=$2 bytes=$3 far=$4
	local name="$1/$2" to=$FAR4 args=() out status sent pid got=- posted=- elsewhere=0 exec_id=0

	case $family in
	6) to=$FAR6 ;;
	m) args=(--mapped) ;;
	esac
	far_start --tcp $PORT --mptcp $((PORT + 1)) --udp $PORT --udplite $PORT
	[ "$way" != mptcp ] || PORT=$((PORT + 1))
	[ "$far" != udp ] || far_count_udp $PORT
	out=$(in_sender "$B/lab/send" --way "$way" --to "[$to]:$PORT" --bytes "$bytes" "${args[@]}" 2>&1)
	status=$?
	far_stop
	if [ $status -eq 77 ]; then
		skip "$name" "$(jq -r .skip <<<"$out")"
		return
	elif [ $status -ne 0 ]; then
		not_ok "$name" "the sender failed: $out"
		return
	fi
	sent=$(jq .sent <<<"$out")
	pid=$(jq .pid <<<"$out")
	got=$(far_count "$far")
	! ledger || ledger_read "$pid" "$way" "$to" "$sent"
	row_judge
}

far_count() { # FAR
	case $1 in
	-) echo - ;;
	udp) far_counted_udp ;;
	*) far_received "$1" ;;
	esac
}

# Sees row's variables.
row_judge() {
	local diff=-

	! ledger || diff=$((posted - sent))
	printf '  %-18s sent %11s  posted %11s  far end %11s  difference %s\n' \
		"$name" "$sent" "$posted" "$got" "$diff"
	if [ "$sent" != "$bytes" ]; then
		not_ok "$name" "the sender sent $sent of $bytes"
	elif [ "$got" != - ] && [ "$got" != "$sent" ]; then
		not_ok "$name" "$got of $sent arrived"
	elif [ "$diff" != - ] && [ "$diff" != 0 ]; then
		not_ok "$name" "posted - sent = $diff"
	elif [ "$elsewhere" != 0 ]; then
		not_ok "$name" "$elsewhere bytes are posted to another far end than $to"
	else
		ok "$name"
		rows+=("$name $exec_id $sent")
	fi
}

# Nothing may be posted twice, later.
rows_again() {
	local r name exec_id sent

	for r in "${rows[@]}"; do
		read -r name exec_id sent <<<"$r"
		[ "$(flows_sum ".process.exec_id == $exec_id")" = "$sent" ] || not_ok "$name" "its sum changed after it ended"
	done
}

main() {
	local way families size far family bytes base=$PORT
	local wanted=" $* "

	while read -r way families size far; do
		[ -z "$*" ] || [[ $wanted == *" $way "* ]] || continue
		bytes=$SMALL
		[ "$size" = small ] || bytes=$LARGE
		for family in ${families//,/ }; do
			PORT=$base
			row "$way" "$family" "$bytes" "$far"
		done
	done < <(ways_table)
}

rows=()
lab_begin "${1:-build}"
shift
need_built lab/send lab/recv
lab_net_new
if ledger; then
	# So long that the first row's process is still known when all rows are looked at again.
	lab_config <<<'limits: {grace: 1h}'
	start_outflowd "$LAB_CONFIG"
fi
main "$@"
if ledger; then
	rows_again
	is "books are balanced" "$(outflow ledger --json | jq -c .balanced)" true
	stop_outflowd
fi
lab_end
