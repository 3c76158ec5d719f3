#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# where.sh: what a far end is called, by real DNS servers, web servers, proxies and their clients: a line
# for each row of where/rows, with the expected and the found names.
#
#	tests/live/where.sh [BUILD] [ID...]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=where/servers.sh
. "$(dirname "$0")/where/servers.sh"

declare -A NAME_OF=([H]=.example [B]=-b.example [T]=-t.example [H6]=-6.example)
declare -A ADDRESS_OF=([H]=IP [B]=IP [T]=TIP [H6]=IP6)

zone() {
	rows_zone | where_zone
	where_chain_begin
	where_chain a.chain.example 7 "$(row_address dns-chain-unbound IP)" a.chain.example
	where_chain b.chain.example 12 "$(row_address dns-chain-dnsmasq IP)" b.chain.example
	where_many many.example 0x101 $MANY
	where_many huge.example 1 $HUGE
	where_many truncated.example 0x201 $MANY
	echo "local-data: 'dns-https-hint.example. 300 IN HTTPS 1 . alpn=\"h2,h3\" ipv4hint=$(row_address dns-https-hint IP) ech=\"AEX+DQBBAAAgACA=\"'" >>"$LAB_DIR/records.unbound"
	echo 'local-data: "dns-txt-only.example. 300 IN TXT \"v=spf1 -all\""' >>"$LAB_DIR/records.unbound"
}

config() {
	lab_config <<-END
		limits: {grace: 1h}
		networks:
		  resolvers: [$DNSMASQ, $UNBOUND, "$UNBOUND:5353", "$FAR6"]
		  proxies: ["203.0.113.0/24:8888", "203.0.113.0/24:1080-1085"]
	END
}

servers() {
	where_certificate
	zone
	where_dnsmasq
	where_unbound
	where_start liar "$FAR_NET" udp "53 and src $LIAR" speak lie $LIAR 53 "$(row_address dns-unlisted IP)"
	where_stub
	where_nginx
	where_tinyproxy 8888
	where_socks
	where_starttls
	far_start --tcp 7000-7002 --udp 7001 --udp 4433
}

# Most clients offer protocols: which, is asked in the rows about it.
# shellcheck disable=SC2317 # row_found calls it
expects_alpn() { # ID
	[[ ${ROW[$1.expected]} == *alpn* ]] && echo true || echo false
}

# What is told of the row's far end, in the form of the table.
# shellcheck disable=SC2317 # flows_settle calls it
row_found() { # ID
	local PROTO IP PORT

	row_split "$1"
	# shellcheck disable=SC2016
	outflow flows --json | jq -nr --arg ip "$IP" --argjson port "$PORT" --arg proto "$PROTO" --arg who "${WHO}[" \
		--argjson alpn "$(expects_alpn "$1")" '
		def rank: {connect: 0, sni: 1, host: 2, dns: 3}[.source];
		def say: "\(.source) \(.name)\(if .port then ":\(.port)" else "" end)" +
			(if .confirmed then "+" else "" end) + (if .asked then "" else "?" end);
		[inputs | select(any(.lineage[]; startswith($who))).endpoint
			| select(.ip == $ip and .port == $port and .proto == $proto)]
		| if length == 0 then "no flow" else
			([.[].names | map(rank) | . == sort] | all) as $ordered
			| [[.[].names[]] | unique_by([rank, .name, .port]) | sort_by([rank, .name, .port])[] | say]
				+ (if any(.[]; .ech) then ["ech"] else [] end)
				+ (if any(.[]; .alpn) and $alpn then ["alpn \([.[].alpn // [] | .[]] | unique | join(" "))"] else [] end)
				+ (if any(.[]; .alpn_more) then ["more alpn"] else [] end)
				+ (if any(.[]; .names_invalid) then ["invalid"] else [] end)
				+ (if any(.[]; .names_more) then ["more"] else [] end)
				+ (if $ordered then [] else ["in another order"] end)
			| if length == 0 then "-" else join(", ") end
		end'
}

row_check() { # ID
	local expected=${ROW[$1.expected]} found

	found=$(flows_settle "$2" "$expected" row_found "$1")
	if [ "$found" = "$expected" ]; then
		ok "$1: expected $(row_say "$expected"), found $(row_say "$found")"
	else
		not_ok "$1" "expected $(row_say "$expected"), found $(row_say "$found")"
	fi
}

row_say() { # NAMES
	sed 's/+/ (confirmed)/g; s/?/ (not asked by it)/g; s/^-$/no name/' <<<"$1"
}

rows() { # ID...
	local id ran

	rows_run "$@"
	# What has a name first: when it is there, all that came before has been read.
	for id in "${ran[@]}"; do
		[ "${ROW[$id.expected]}" = - ] || row_check "$id" 5
	done
	for id in "${ran[@]}"; do
		[ "${ROW[$id.expected]}" != - ] || row_check "$id" 5
	done
}

lab_begin "${1:-build}"
shift
need_built lab/recv
may_lack dnsmasq unbound nginx tinyproxy microsocks dig python3 ss openssl
where_net
rows_read "$HERE/rows"
config
start_outflowd "$LAB_CONFIG"
servers
rows "${@:-${IDS[@]}}"
books_balanced "books are balanced"
stop_outflowd
lab_end
