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

NEEDED=(dnsmasq unbound nginx tinyproxy microsocks danted dig nslookup getent curl wget git openssl socat ssh chromium)

declare -A ROW # ID.FIELD
IDS=()

rows_read() {
	local id resolver to names command

	while IFS='|' read -r id resolver to names command; do
		id=$(tr -d ' \t' <<<"$id")
		case $id in '' | \#*) continue ;; esac
		IDS+=("$id")
		ROW[$id.resolver]=$(tr -d ' ' <<<"$resolver")
		ROW[$id.n]=$((${#IDS[@]} + 9))
		ROW[$id.to]=$(row_words "$id" "$to")
		ROW[$id.names]=$(row_words "$id" "$names")
		ROW[$id.command]=$command
	done <"$HERE/rows"
	[ ${#IDS[@]} -le 115 ] || exit 1 # addresses
}

row_address() { # ID IP|TIP|IP6
	case $2 in
	IP) echo "203.0.113.${ROW[$1.n]}" ;;
	TIP) echo "203.0.113.$((ROW[$1.n] + 125))" ;;
	IP6) printf '%s%x\n' $WHERE_FAR6 "${ROW[$1.n]}" ;;
	esac
}

# The row's own names and addresses in place of the words.
row_words() { # ID TEXT
	sed "s/\<H\>/$1.example/g; s/\<B\>/$1-b.example/g; s/\<T\>/$1-t.example/g; s/\<H6\>/$1-6.example/g
		s/\<IP\>/$(row_address "$1" IP)/g; s/\<TIP\>/$(row_address "$1" TIP)/g
		s/\<IP6\>/$(row_address "$1" IP6)/g; s/^ *//; s/ *$//" <<<"$2"
}

zone() {
	local id

	for id in "${IDS[@]}"; do
		echo "$id.example $(row_address "$id" IP)"
		echo "$id-b.example $(row_address "$id" IP)"
		echo "$id-t.example $(row_address "$id" TIP)"
		echo "$id-6.example $(row_address "$id" IP6)"
	done | where_zone
	where_chain_begin
	where_chain a.chain.example 7 "$(row_address dns-chain-unbound IP)"
	where_chain b.chain.example 12 "$(row_address dns-chain-dnsmasq IP)"
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
	where_start liar "$FAR_NET" udp 53 speak lie $LIAR 53 "$(row_address dns-unlisted IP)"
	where_stub
	where_nginx
	where_tinyproxy
	where_socks
	where_starttls
	far_start --tcp 7000-7002 --udp 7001 --udp 4433
}

chromium_command() { # ID
	echo "timeout -k 2 20 chromium --headless --no-sandbox --disable-gpu --no-first-run" \
		"--disable-background-networking --disable-component-update --disable-sync" \
		"--user-data-dir=$LAB_DIR/home/$1"
}

# Programs that the row's command uses and that are not here.
row_lacks() { # ID
	local p

	for p in "${NEEDED[@]}"; do
		if grep -qw "$p" <<<"${ROW[$1.command]/CHROMIUM/chromium}" && ! command -v "$p" >/dev/null; then
			echo "$p"
			return
		fi
	done
	return 1
}

row_run() { # ID
	local command=${ROW[$1.command]#* need *;}

	H=$1.example B=$1-b.example T=$1-t.example H6=$1-6.example \
		IP=$(row_address "$1" IP) TIP=$(row_address "$1" TIP) IP6=$(row_address "$1" IP6) \
		DNSMASQ=$DNSMASQ UNBOUND=$UNBOUND LIAR=$LIAR CORPUS=$HERE/../../fuzz/corpus/quic \
		CHROMIUM=$(chromium_command "$1") GIT_TERMINAL_PROMPT=0 \
		where_run "$SENDER_NET" "${ROW[$1.resolver]}" timeout -k 2 40 bash -c "$command" \
		>"$LAB_DIR/$1.out" 2>&1 </dev/null
}

# What is told of the row's far end, in the form of the table.
row_found() { # ID
	local to=${ROW[$1.to]} proto=tcp ip port

	case $to in */udp) proto=udp to=${to%/udp} ;; esac
	port=${to##*:}
	ip=${to%:*} ip=${ip#[} ip=${ip%]}
	# shellcheck disable=SC2016
	outflow flows --json | jq -nr --arg ip "$ip" --argjson port "$port" --arg proto "$proto" '
		def rank: {connect: 0, sni: 1, host: 2, dns: 3}[.source];
		def say: "\(.source) \(.name)\(if .port then ":\(.port)" else "" end)" +
			(if .confirmed then "+" else "" end) + (if .asked then "" else "?" end);
		[inputs.endpoint | select(.ip == $ip and .port == $port and .proto == $proto)]
		| if length == 0 then "no flow" else
			([.[].names | map(rank) | . == sort] | all) as $ordered
			| [[.[].names[]] | unique_by([rank, .name, .port]) | sort_by([rank, .name, .port])[] | say]
				+ (if any(.[]; .ech) then ["ech"] else [] end)
				+ (if any(.[]; .names_invalid) then ["invalid"] else [] end)
				+ (if any(.[]; .names_more) then ["more"] else [] end)
				+ (if $ordered then [] else ["in another order"] end)
			| if length == 0 then "-" else join(", ") end
		end'
}

row_check() { # ID
	local expected=${ROW[$1.names]} found

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
	local id ran=()

	for id in "$@"; do
		if row_lacks "$id" >"$LAB_DIR/lacks"; then
			skip "$id" "'$(cat "$LAB_DIR/lacks")' is not installed: packaging/deps ci"
			continue
		fi
		row_run "$id"
		ran+=("$id")
	done
	# What has a name first: when it is there, all that came before has been read.
	for id in "${ran[@]}"; do
		[ "${ROW[$id.names]}" = - ] || row_check "$id" 5
	done
	for id in "${ran[@]}"; do
		[ "${ROW[$id.names]}" != - ] || row_check "$id" 5
	done
}

lab_begin "${1:-build}"
shift
need_built lab/recv
may_lack dnsmasq unbound nginx tinyproxy microsocks dig python3 ss openssl
where_net
rows_read
config
start_outflowd "$LAB_CONFIG"
servers
rows "${@:-${IDS[@]}}"
books_balanced "books are balanced"
stop_outflowd
lab_end
