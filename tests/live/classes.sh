#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# classes.sh: what kind of far end it is: by the shipped rules a scanner that asks a cloud's metadata
# service is flagged, by either address, and neither a runner that does nor one that asks the DNS server
# beside it; datagrams to a group and frames past all routes are told as what they are.
#
#	tests/live/classes.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

export METADATA=169.254.169.254 METADATA6=fd00:ec2::254
export BESIDE=169.254.169.253
GROUP=224.0.0.251

config() {
	lab_config < <(
		sed -n '/^endpoints:/,/^sinks:/p' "$(dirname "$0")/../../config/outflow.yaml"
		echo "  - {type: file, path: $LAB_ALERTS, format: json}"
	)
}

# shellcheck disable=SC2317 # in_far calls it
far_end_addresses() {
	ip addr add "$METADATA/32" dev wire && ip addr add "$BESIDE/32" dev wire &&
		ip addr add "$METADATA6/128" dev wire nodad
}

run() { # PROGRAM WAY TO
	in_sender "$LAB_DIR/$1" --way "$2" --bytes 500 --to "$3" >"$LAB_DIR/run.out" 2>&1
}

# "ip class", of those that RULE held for.
alerts_of() { # RULE
	jq -r --arg r "$1" 'select(.type == "alert" and .rule == $r) | "\(.endpoint.ip) \(.endpoint.class)"' \
		"$LAB_ALERTS" | sort | paste -sd,
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # RULE N
	[ "$(jq -r --arg r "$1" 'select(.type == "alert" and .rule == $r).id' "$LAB_ALERTS" 2>/dev/null |
		wc -l)" -ge "$2" ]
}

class_of() { # JQ-CONDITION-ON-ENDPOINT
	outflow flows --json | jq -r ".endpoint | select($1).class" | sort -u | paste -sd,
}

classed() { # NAME JQ-CONDITION EXPECTED
	local end=$((SECONDS + 20)) found=

	while found=$(class_of "$2") && [ "$found" != "$3" ] && [ $SECONDS -lt $end ]; do
		sleep 0.1
	done
	is "$1" "$found" "$3"
}

lab_begin "${1:-build}"
need_built lab/send lab/recv
lab_net_new
in_far far_end_addresses || not_ok "addresses" "cannot be added"
cp "$B/lab/send" "$LAB_DIR/trivy"
cp "$B/lab/send" "$LAB_DIR/Runner.Worker"
far_start --tcp 80 --udp 53 --udp 5353
config
start_outflowd "$LAB_CONFIG"

run Runner.Worker tcp-write $METADATA:80
run trivy udp-sendto $BESIDE:53
run trivy tcp-write $METADATA:80
run trivy tcp-write "[$METADATA6]:80"
wait_for 20 alerted scanner-metadata 2
is "a scanner that asks it" "$(alerts_of scanner-metadata)" "$METADATA metadata,$METADATA6 metadata"
classed "who may ask is told all the same" ".ip == \"$METADATA\"" metadata
classed "a server beside it" ".ip == \"$BESIDE\"" external
run trivy udp-sendto $GROUP:5353
classed "a group" ".ip == \"$GROUP\"" multicast
run trivy packet-dgram $FAR4:9
classed "frames" '.proto == "packet"' raw
is "no more" "$(alerts_of scanner-metadata)" "$METADATA metadata,$METADATA6 metadata"
stop_outflowd
lab_end
