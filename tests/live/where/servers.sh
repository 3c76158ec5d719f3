# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# servers.sh: real DNS servers, web servers and proxies at the far end, for the tests of names. Source
# it after lib.sh. Names lie below .example; every address of 203.0.113.0/24 and of two IPv6 networks is
# the far end's, so that each test has one of its own.

HERE=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
DNSMASQ=$FAR4
UNBOUND=198.51.100.3
LIAR=198.51.100.4	# a DNS server that no policy lists
SILENT=198.51.100.5	# one that a policy lists, and that never answers
STUB=127.0.0.1		# dnsmasq in the sender's namespace
WHERE_FAR6=2001:db8:2::
MANY6=2001:db8:4::	# addresses of one name
# shellcheck disable=SC2034 # for the tests
{
	MANY=30	 # in 840 bytes
	HUGE=143 # in 4 KiB
}

lab_where_net() {
	ip addr add 198.51.100.3/24 dev wire && ip addr add 198.51.100.4/24 dev wire &&
		ip addr add 198.51.100.5/24 dev wire &&
		ip route add local 203.0.113.0/24 dev lo &&
		ip route add local 2001:db8:2::/64 dev lo &&
		ip route add local 2001:db8:4::/64 dev lo
}

where_net() {
	lab_net_new
	if ! in_far lab_where_net 2>"$LAB_DIR/net.log"; then
		not_ok "$LAB_NAME" "no addresses: $(tail -n 1 "$LAB_DIR/net.log")"
		lab_end
	fi
	mkdir -p "$LAB_DIR/bin" "$LAB_DIR/home" "$LAB_DIR/resolv"
	cp "$HERE/speak" "$LAB_DIR/bin/speak"
	# Nobody else's on this machine has that name, nor the same far end with it.
	WHO=row-$$
	cp "$BASH" "$LAB_DIR/bin/$WHO"
	where_resolv dnsmasq "nameserver $DNSMASQ"
	where_resolv unbound "nameserver $UNBOUND"
	where_resolv tcp "nameserver $UNBOUND" "options use-vc"
	where_resolv six "nameserver $FAR6"
	where_resolv stub "nameserver $STUB"
	where_resolv liar "nameserver $LIAR"
	where_resolv search "nameserver $DNSMASQ" "search ok.example"
}

where_resolv() { # NAME LINE...
	printf '%s\n' "${@:2}" >"$LAB_DIR/resolv/$1"
}

# A program that resolves as resolv/RESOLVER says, in a mount namespace of its own, which ends with it,
# and in a session of its own. / may be a chroot's, which cannot be made private.
where_run() { # NET RESOLVER COMMAND...
	local net=$1 resolv=$LAB_DIR/resolv/$2 how=private

	shift 2
	mountpoint -q / || how=unchanged
	# shellcheck disable=SC2016
	HOME=$LAB_DIR/home PATH=$LAB_DIR/bin:/usr/sbin:/usr/bin:/sbin:/bin setsid -w \
		nsenter --net="/run/netns/$net" unshare --mount --propagation $how \
		bash -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$resolv" "$@"
}

# In the background, until it listens.
where_start() { # NAME NET PROTO PORT COMMAND...
	local name=$1 net=$2 proto=$3 port=$4

	shift 4
	where_run "$net" dnsmasq "$@" >"$LAB_DIR/$name.log" 2>&1 &
	LAB_PIDS+=($!)
	if ! wait_for 20 where_listens "$net" "$proto" "$port"; then
		not_ok "$name" "does not listen: $(tail -n 2 "$LAB_DIR/$name.log" | tr '\n' ' ')"
		lab_end
	fi
}

# shellcheck disable=SC2317 # wait_for calls it
where_listens() { # NET tcp|udp PORT
	[ -n "$(in_net "$1" ss -Hln "--$2" "sport = :$3")" ]
}

# ---- DNS ----

# Lines "NAME ADDRESS" on stdin, as records of both servers.
where_zone() {
	local name addr type

	: >"$LAB_DIR/records.dnsmasq"
	: >"$LAB_DIR/records.unbound"
	while read -r name addr; do
		case $addr in *:*) type=AAAA ;; *) type=A ;; esac
		echo "host-record=$name,$addr" >>"$LAB_DIR/records.dnsmasq"
		echo "local-data: \"$name. 300 IN $type $addr\"" >>"$LAB_DIR/records.unbound"
	done
}

# A name with aliases, N deep, whose names are below HOPS. Unbound has those of chain.example, and follows
# 8 of one zone.
where_chain() { # NAME N ADDRESS HOPS
	local i from=$1

	for ((i = 1; i <= $2; i++)); do
		echo "cname=$from,c$i.$4" >>"$LAB_DIR/records.dnsmasq"
		where_chain_zone "$from. 300 IN CNAME c$i.$4."
		from=c$i.$4
	done
	echo "host-record=$from,$3" >>"$LAB_DIR/records.dnsmasq"
	where_chain_zone "$from. 300 IN A $3"
}

where_chain_zone() { # LINE
	case $1 in *.chain.example.\ *) echo "$1" >>"$LAB_DIR/chain.zone" ;; esac
}

# Every name below one, by dnsmasq.
where_wide() { # NAME ADDRESS
	echo "address=/$1/$2" >>"$LAB_DIR/records.dnsmasq"
}

where_many() { # NAME FIRST N
	local i

	for ((i = $2; i < $2 + $3; i++)); do
		printf 'local-data: "%s. 300 IN AAAA %s%x"\n' "$1" "$MANY6" "$i" >>"$LAB_DIR/records.unbound"
	done
}

where_dnsmasq() {
	where_start dnsmasq "$FAR_NET" udp 53 dnsmasq -k --conf-file="$LAB_DIR/records.dnsmasq" --pid-file= \
		--user=root --no-resolv --no-hosts --bind-interfaces --listen-address="$DNSMASQ" \
		--listen-address="$FAR6" --local=/example/ --edns-packet-max=4096
}

# What it is asked about chain names it looks up in its own zone, as a resolver does.
where_unbound() {
	{
		cat <<-END
			server:
			  directory: "$LAB_DIR"
			  chroot: ""
			  username: ""
			  pidfile: ""
			  use-syslog: no
			  interface: $UNBOUND@53
			  interface: $UNBOUND@5353
			  access-control: 0.0.0.0/0 allow
			  module-config: "iterator"
			  max-udp-size: 4096
			  edns-buffer-size: 4096
			  qname-minimisation: no
			  do-not-query-localhost: no
			  minimal-responses: yes
			  rrset-roundrobin: no
			  local-zone: "example." static
			  local-zone: "chain.example." transparent
		END
		sed 's/^/  /' "$LAB_DIR/records.unbound"
		cat "$LAB_DIR/zones.unbound" 2>/dev/null # of the test's own
		cat <<-END
			auth-zone:
			  name: "chain.example"
			  zonefile: "$LAB_DIR/chain.zone"
			  for-upstream: yes
			  for-downstream: yes
			remote-control:
			  control-enable: no
		END
	} >"$LAB_DIR/unbound.conf"
	where_start unbound "$FAR_NET" udp 5353 unbound -d -c "$LAB_DIR/unbound.conf"
}

where_chain_begin() {
	# shellcheck disable=SC2016
	printf '%s\n' '$ORIGIN chain.example.' '@ 300 IN SOA ns.chain.example. x.chain.example. 1 60 60 60 60' \
		'@ 300 IN NS ns.chain.example.' "ns 300 IN A $UNBOUND" >"$LAB_DIR/chain.zone"
}

where_stub() {
	where_start stub "$SENDER_NET" udp 53 dnsmasq -k --conf-file=/dev/null --pid-file= --user=root \
		--no-resolv --no-hosts --bind-interfaces --listen-address=$STUB --server="$DNSMASQ"
}

# ---- The rest ----

where_certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=example \
		-addext "subjectAltName=DNS:*.example" -keyout "$LAB_DIR/key.pem" -out "$LAB_DIR/cert.pem" \
		2>"$LAB_DIR/cert.log"
}

where_nginx() {
	echo hello >"$LAB_DIR/home/index.html"
	cat >"$LAB_DIR/nginx.conf" <<-END
		daemon off;
		master_process off;
		user root;
		pid $LAB_DIR/nginx.pid;
		error_log $LAB_DIR/nginx.log;
		events {}
		http {
			access_log off;
			client_body_temp_path $LAB_DIR/home;
			proxy_temp_path $LAB_DIR/home;
			fastcgi_temp_path $LAB_DIR/home;
			uwsgi_temp_path $LAB_DIR/home;
			scgi_temp_path $LAB_DIR/home;
			root $LAB_DIR/home;
			ssl_certificate $LAB_DIR/cert.pem;
			ssl_certificate_key $LAB_DIR/key.pem;
			ssl_protocols TLSv1.2 TLSv1.3;
			server { listen [::]:80 ipv6only=off; listen [::]:8080 ipv6only=off; }
			server { listen [::]:8082 http2 ipv6only=off; }
			server { listen [::]:8081 proxy_protocol ipv6only=off; }
			server { listen [::]:8443 ssl proxy_protocol ipv6only=off; }
			server { listen [::]:443 ssl http2 ipv6only=off fastopen=16; }
		}
	END
	where_start nginx "$FAR_NET" tcp 443 nginx -p "$LAB_DIR" -c "$LAB_DIR/nginx.conf" -e "$LAB_DIR/nginx.log"
}

where_tinyproxy() { # PORT
	printf 'Port %d\nTimeout 60\nMaxClients 50\nLogLevel Warning\n' "$1" >"$LAB_DIR/tinyproxy-$1.conf"
	where_start "tinyproxy-$1" "$FAR_NET" tcp "$1" tinyproxy -d -c "$LAB_DIR/tinyproxy-$1.conf"
}

where_socks() {
	where_start microsocks "$FAR_NET" tcp 1080 microsocks -p 1080
	where_start microsocks-auth "$FAR_NET" tcp 1081 microsocks -p 1081 -u user -P secret
	cat >"$LAB_DIR/danted.conf" <<-END
		logoutput: stderr
		internal: 0.0.0.0 port = 1085
		external: wire
		clientmethod: none
		socksmethod: none
		user.privileged: root
		user.unprivileged: root
		client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
		socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
	END
	! command -v danted >/dev/null ||
		where_start danted "$FAR_NET" tcp 1085 danted -f "$LAB_DIR/danted.conf" -p "$LAB_DIR/danted.pid"
	where_start socks4a "$FAR_NET" tcp 1084 speak socks4a 1084
}

where_starttls() {
	local kind port=2500

	for kind in smtp imap postgres pop3 ftp xmpp ldap mysql; do
		port=$((port + 1))
		where_start "$kind" "$FAR_NET" tcp $port speak serve $kind $port "$LAB_DIR/cert.pem" "$LAB_DIR/key.pem"
	done
	where_start s_server "$FAR_NET" tcp 4443 openssl s_server -accept 4443 -quiet -www \
		-cert "$LAB_DIR/cert.pem" -key "$LAB_DIR/key.pem"
}

# ---- Tables: lines "id | resolver | far end | expected | command" ----

declare -A ROW # ID.FIELD
IDS=()

rows_read() { # FILE WORDS...: the latter as row_words() takes them, besides addresses
	local file=$1 id resolver to expected command

	while IFS='|' read -r id resolver to expected command; do
		id=$(tr -d ' \t' <<<"$id")
		case $id in '' | \#*) continue ;; esac
		IDS+=("$id")
		ROW[$id.resolver]=$(tr -d ' ' <<<"$resolver")
		ROW[$id.n]=$((${#IDS[@]} + 9))
		ROW[$id.to]=$(row_words "$id" "$to")
		ROW[$id.expected]=$(row_words "$id" "$expected")
		ROW[$id.command]=$command
	done <"$file"
	if [ ${#IDS[@]} -gt 121 ]; then
		not_ok "$file" "more rows than addresses"
		lab_end
	fi
}

row_address() { # ID IP|TIP|IP6
	case $2 in
	IP) echo "203.0.113.${ROW[$1.n]}" ;;
	TIP) echo "203.0.113.$((ROW[$1.n] + 121))" ;;
	IP6) printf '%s%x\n' $WHERE_FAR6 "${ROW[$1.n]}" ;;
	esac
}

# The row's own names and addresses in place of the words.
row_words() { # ID TEXT
	local word script='s/^ *//; s/ *$//'

	for word in "${!NAME_OF[@]}"; do
		script+="; s/\\<$word\\>/$1${NAME_OF[$word]}/g"
	done
	for word in IP TIP IP6; do
		script+="; s/\\<$word\\>/$(row_address "$1" $word)/g"
	done
	sed "$script" <<<"$2"
}

# The names of NAME_OF with their addresses.
rows_zone() {
	local id word

	for id in "${IDS[@]}"; do
		for word in "${!NAME_OF[@]}"; do
			echo "$id${NAME_OF[$word]} $(row_address "$id" "${ADDRESS_OF[$word]}")"
		done
	done
}

# Programs that the row's command uses and that are not here.
row_lacks() { # ID
	local p

	for p in dnsmasq unbound nginx tinyproxy microsocks danted dig nslookup getent curl wget git openssl socat \
		ssh chromium; do
		if grep -qw "$p" <<<"${ROW[$1.command]/CHROMIUM/chromium}" && ! command -v "$p" >/dev/null; then
			echo "$p"
			return
		fi
	done
	return 1
}

# Its command, with its words as variables, by $WHO.
row_run() { # ID
	local id=$1 command=${ROW[$1.command]#* need *;} word words=()

	for word in "${!NAME_OF[@]}"; do
		words+=("$word=$id${NAME_OF[$word]}")
	done
	for word in IP TIP IP6; do
		words+=("$word=$(row_address "$id" $word)")
	done
	where_run "$SENDER_NET" "${ROW[$id.resolver]}" timeout -k 2 40 env "${words[@]}" DNSMASQ="$DNSMASQ" \
		FAR_NET="$FAR_NET" UNBOUND=$UNBOUND LIAR=$LIAR SILENT=$SILENT CORPUS="$HERE/../../fuzz/corpus/quic" \
		CHROMIUM="$(chromium_command "$id")" GIT_TERMINAL_PROMPT=0 ROW="$LAB_DIR/$id" HERE="$HERE" \
		"$WHO" -c "$command" >"$LAB_DIR/$id.out" 2>&1 </dev/null
}

chromium_command() { # ID
	echo "timeout -k 2 20 chromium --headless --no-sandbox --disable-gpu --no-first-run" \
		"--disable-background-networking --disable-component-update --disable-sync" \
		"--user-data-dir=$LAB_DIR/home/$1"
}

# PROTO, PORT and IP of the row's far end.
# shellcheck disable=SC2034 # its caller has them
row_split() { # ID
	PROTO=tcp
	IP=${ROW[$1.to]}
	case $IP in */udp) PROTO=udp IP=${IP%/udp} ;; esac
	PORT=${IP##*:}
	IP=${IP%:*} IP=${IP#[} IP=${IP%]}
}

# Those whose programs are here, with their ids in the caller's `ran`; a skip for each of the others.
rows_run() { # ID...
	local id

	ran=()
	for id in "$@"; do
		if row_lacks "$id" >"$LAB_DIR/lacks"; then
			skip "$id" "'$(cat "$LAB_DIR/lacks")' is not installed: packaging/deps ci"
			continue
		fi
		row_run "$id"
		ran+=("$id")
	done
}
