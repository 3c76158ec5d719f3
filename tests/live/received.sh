#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# received.sh: what a TCP socket received is counted without a hook on the receive path: each side of a
# conversation is held against what the other says it sent, to the byte.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

REQUEST=1234
ANSWER=10000019

# shellcheck disable=SC2317 # flows_settle calls it
received_of() { # PID
	outflow flows --json | jq -n "[inputs | select(.process.pid == $1) | .bytes.received // 0] | add // 0"
}

# An answer of a moment ago is posted when the socket ends.
client() { # NAME ADDRESS
	local line pid

	coproc GET { nsenter --net="/run/netns/$SENDER_NET" "$B/lab/fetch" get "$2" $REQUEST $ANSWER; }
	LAB_PIDS+=("$GET_PID")
	read -r -t 20 line <&"${GET[0]}"
	pid=$(jq .pid <<<"$line")
	is "$1: the client read the answer" "$(jq -c '[.sent, .received]' <<<"$line")" "[$REQUEST,$ANSWER]"
	echo >&"${GET[1]}"
	read -r -t 20 line <&"${GET[0]}"
	is "$1: the client received" "$(flows_settle 5 $ANSWER received_of "$pid")" $ANSWER
	is "$1: the client sent" "$(flows_of "$pid")" $REQUEST
	echo >&"${GET[1]}"
	wait "$GET_PID"
	lab_forget_pid "$GET_PID"
}

serve() { # ADDRESS
	nsenter --net="/run/netns/$FAR_NET" "$B/lab/fetch" serve "$1" $REQUEST $ANSWER >"$LAB_DIR/serve.out" &
	SERVER=$!
	LAB_PIDS+=("$SERVER")
	wait_for 10 grep -q ready "$LAB_DIR/serve.out" || not_ok "server" "is not ready"
}

# Its sockets were made by accept(): each is a copy of the listener.
server() { # NAME ROUNDS
	is "$1: the server received" "$(flows_settle 5 $((REQUEST * $2)) received_of "$SERVER")" $((REQUEST * $2))
	is "$1: the server sent" "$(flows_settle 5 $((ANSWER * $2)) flows_of "$SERVER")" $((ANSWER * $2))
	lab_end_pids "$SERVER"
	lab_forget_pid "$SERVER"
}

lab_begin "${1:-build}"
need_built lab/fetch
lab_net_new
lab_config <<<'limits: {grace: 1h}'
start_outflowd "$LAB_CONFIG"
serve "$FAR4:7100"
client "IPv4" "$FAR4:7100"
client "IPv4 again" "$FAR4:7100"
server "IPv4" 2
serve "[$FAR6]:7100"
client "IPv6" "[$FAR6]:7100"
server "IPv6" 1
is "a datagram flow says that nobody counts" \
	"$(in_sender "$B/lab/send" --way udp-sendto --to $FAR4:7101 --bytes 100 >/dev/null
	wait_for 5 lab_prints 1 eval "outflow flows --json | jq -n '[inputs | select(.endpoint.port == 7101)] | length'"
	outflow flows --json | jq -c 'select(.endpoint.port == 7101).bytes')" '{"sent":100,"received":null}'
books_balanced "books are balanced"
stop_outflowd
lab_end
