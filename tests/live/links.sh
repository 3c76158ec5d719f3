#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# links.sh: what leaves by an interface and no socket sent raises `unattributed-egress` within 10 s,
# its amount within 5 % of what nftables counted at the far end: an AF_XDP socket, a packet socket whose
# sends fail, a TUN device, the forwarded traffic of a guest under qemu, with other traffic beside it.
# What is posted does not: a container's forwarded traffic, packet sockets past the queue, and
# LINKS_SECONDS (30) of mixed ordinary traffic over a wire that drops 3 %.
#
#	tests/live/links.sh [BUILD] [CASE...]
#
# LINKS_SECONDS  of ordinary traffic; 600 is what `make soak` runs
# LINKS_CASES    what is run when no CASE is given, with commas between (all but `slow`)
# LINKS_TRACED   when set, this kernel is known to run probes on top of PID 1
# LINKS_BYTES    that a container sends while PID 1 is busy (2000000000)
# LINKS_WIRE     two network cards with a cable between them, in the place of the veth: eth0,eth1
# LINKS_KERNEL   of the guest (6.1), from tests/vm/kernels.txt
# LINKS_VM       another tests/vm

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SECONDS_MIXED=${LINKS_SECONDS:-30}
BYTES_INIT=${LINKS_BYTES:-2000000000}
GUEST_KERNEL=${LINKS_KERNEL:-6.1}
VM=${LINKS_VM:-$(dirname "$0")/../vm}
COUNTED=9 # the port that the far end counts
LEAK_SECONDS=300 # the longest takes a minute; a card that stands still must not hold up the rest
INSIDE=10.77.0.2
GUEST=10.78.0.2

# ---- The daemon, in the sender's namespace ----

config() {
	lab_config <<-END
		reconcile: ${1:-"{interfaces: [wire]}"}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

daemon_start() { # [RECONCILE]
	config "$@"
	rm -f "$LAB_ALERTS"
	LAB_NETNS=$SENDER_NET start_outflowd "$LAB_CONFIG"
}

# The amount that the feed told last; 0: none.
told() {
	jq -n '[inputs | select(.rule == "unattributed-egress").bytes.sent] | last // 0' "$LAB_ALERTS"
}

alerts() {
	jq -n '[inputs | select(.rule == "unattributed-egress" and .type == "alert")] | length' "$LAB_ALERTS"
}

link_sum() { # KEY
	outflow ledger --json | jq "[.interfaces[] | select(.name == \"wire\").$1] | add // 0"
}

# The books of the interface have more than so many bytes of a kind: the test did what it says.
moved() { # NAME KIND BYTES
	local bytes

	bytes=$(link_sum "$2")
	if [ "$bytes" -gt "$3" ]; then
		ok "$1: $bytes bytes $2, $(link_sum unattributed) unattributed"
	else
		not_ok "$1" "$bytes bytes $2, expected more than $3"
	fi
}

# Frames of UDP to the counted port as the far end got them, link-layer header included.
counted() {
	in_far nft -j list table inet outflow_count |
		jq '[.nftables[].rule.expr // empty | .[].counter // empty | .bytes + .packets * 14] | add'
}

# shellcheck disable=SC2317 # wait_for calls it
told_about() { # BYTES
	local n

	n=$(told)
	[ $((n * 100)) -ge $(($1 * 95)) ] && [ $((n * 100)) -le $(($1 * 105)) ]
}

# What was counted must be told within 10 s, in one alert and its updates.
expect_leak() { # NAME WAY-IN-THE-ALERT [BYTES [SECONDS]]
	local bytes=${3:-$(counted)} began took

	began=${EPOCHREALTIME/[.,]/}
	wait_for "${4:-10}" told_about "$bytes"
	took=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
	if told_about "$bytes" && [ "$bytes" -gt 0 ]; then
		ok "$1: told $(told) bytes of $bytes counted, $took ms after the last"
	else
		not_ok "$1" "told $(told) bytes, counted $bytes: $(outflow ledger --json | jq -c .interfaces)"
	fi
	is "$1: in one alert" "$(alerts)" 1
	is "$1: by the way it took" "$(jq -rn --arg way "$2" '[inputs |
		select(.rule == "unattributed-egress")] | last |
		.interface[$way] * 100 >= .bytes.sent * 95' "$LAB_ALERTS")" true
	is "$1: of nobody, by the interface" "$(jq -rn '[inputs |
		select(.rule == "unattributed-egress")] | last |
		"\(.process) \(.endpoint) \(.interface.name) \(.severity)"' "$LAB_ALERTS")" \
		"null null wire high"
}

# shellcheck disable=SC2317 # wait_for calls it
looked() { # SECONDS-UP
	[ "$(outflow status --json | jq .uptime_s)" -ge "$1" ]
}

# Three looks later all is concluded that ever will be.
settle() {
	wait_for 15 looked $(($(outflow status --json | jq .uptime_s) + 4))
}

leak() { # WAY ARGUMENT...
	local way=$1

	shift
	in_sender timeout "$LEAK_SECONDS" "$B/lab/leak" --way "$way" --mac "$FAR_MAC" --to "$FAR4:$COUNTED" "$@" \
		>"$LAB_DIR/leak.out" 2>"$LAB_DIR/leak.err"
}

# ---- The cases ----

case_xdp() {
	daemon_start
	far_count_udp "$COUNTED"
	leak xdp --dev wire --from 198.51.100.1 --bytes 3000000 --rate 1000000
	case $? in
	0) expect_leak "AF_XDP" bypass ;;
	77) skip "AF_XDP" "this kernel lacks it" ;;
	*) not_ok "AF_XDP" "$(cat "$LAB_DIR/leak.err")" ;;
	esac
	stop_outflowd
}

case_tun() {
	daemon_start
	far_count_udp "$COUNTED"
	leak tun --dev tun0 --from 10.79.0.2 --bytes 3000000 --rate 1000000
	is "TUN: all sent" "$?" 0
	expect_leak "TUN" forwarded
	stop_outflowd
}

# As a guest on a macvtap, by frames that are no IP (0x8100, a VLAN of its own), by such that say they
# are IGMP, and by TCP with hardly more than its header.
case_macvtap() {
	if ! in_sender ip link add link wire name mv0 type macvtap mode bridge 2>/dev/null; then
		skip "macvtap" "this kernel lacks it"
		return
	fi
	in_sender ip link set mv0 up
	macvtap_leak "macvtap" --ether 33024
	macvtap_leak "macvtap, IGMP" --proto 2 --from 198.51.100.1
	macvtap_leak "macvtap, short TCP" --proto 6 --from 198.51.100.1 --data 72
	in_sender ip link del mv0
}

macvtap_leak() { # NAME OPTION...
	local name=$1

	shift
	daemon_start
	leak macvtap --dev mv0 --bytes 3000000 --rate 1000000 "$@"
	is "$name: all sent" "$?" 0
	expect_leak "$name" kernel "$(jq .bytes "$LAB_DIR/leak.out")"
	stop_outflowd
}

# A packet socket's ring in which every 20th frame is wrong: each call fails, and posts nobody. For 8 s
# it may still be posted.
case_txring() {
	daemon_start
	far_count_udp "$COUNTED"
	leak txring --dev wire --from 198.51.100.1 --bytes 3000000
	is "failing ring: all sent" "$?" 0
	expect_leak "failing ring" bypass "$(counted)" 12
	stop_outflowd
}

# While TCP sends twenty times as much, in large pieces whose headers the hardware might add.
case_beside() {
	daemon_start
	far_count_udp "$COUNTED"
	in_sender "$B/lab/send" --way tcp-write --bytes 60000000 --to "$FAR4:7000" >"$LAB_DIR/send.out"
	leak xdp --dev wire --from 198.51.100.1 --bytes 3000000 --rate 1500000 &
	in_sender "$B/lab/send" --way tcp-write --bytes 60000000 --to "$FAR4:7000" >"$LAB_DIR/send.out"
	wait $!
	expect_leak "AF_XDP beside TCP" bypass
	stop_outflowd
}

# The frames of a bulk transfer are cut into segments by the hardware: what their headers come to must
# hide nothing, though nobody has seen yet what this interface counts.
case_cold() {
	local pid mtu

	mtu=$(in_sender ip -j link show wire | jq '.[0].mtu')
	in_sender ip link set wire mtu 1500
	in_far ip link set wire mtu 1500
	daemon_start
	far_count_udp "$COUNTED"
	nsenter --net="/run/netns/$SENDER_NET" "$B/lab/send" --way tcp-write --bytes 1000000000000 \
		--to "$FAR4:7000" >"$LAB_DIR/send.out" 2>&1 &
	pid=$!
	LAB_PIDS+=("$pid")
	leak xdp --dev wire --from 198.51.100.1 --bytes 3000000 --rate 1000000
	lab_end_pids "$pid"
	lab_forget_pid "$pid"
	expect_leak "AF_XDP beside TCP in segments" bypass
	moved "AF_XDP beside TCP in segments" sockets 20000000
	in_sender ip link set wire mtu "$mtu"
	in_far ip link set wire mtu "$mtu"
	stop_outflowd
}

# So little at a time that no window sees the limit; takes a minute, and is not run unless asked for.
case_slow() {
	daemon_start '{interfaces: [wire], over: 4KiB, within: 2s}'
	far_count_udp "$COUNTED"
	leak xdp --dev wire --from 198.51.100.1 --data 100 --bytes 80000 --rate 1500
	if [ "$(alerts)" -eq 1 ]; then
		ok "slowly: an alert after $(jq -rn '[inputs | select(.type == "alert")][0].bytes.sent' "$LAB_ALERTS") bytes"
	else
		not_ok "slowly" "$(alerts) alerts: $(outflow ledger --json | jq -c .interfaces)"
	fi
	stop_outflowd
}

case_off() {
	daemon_start off
	far_count_udp "$COUNTED"
	leak tun --dev tun0 --from 10.79.0.2 --bytes 1000000
	settle
	is "off: no alert" "$(alerts)" 0
	is "off: status says so" "$(outflow status --json | jq -r .reconcile.off)" "off in the configuration"
	stop_outflowd
	daemon_start '{over: 64KiB}'
	is "nothing to watch: status says why" "$(outflow status --json | jq -r .reconcile.off)" \
		"no interface here is hardware; name one in 'reconcile: interfaces'"
	stop_outflowd
}

# A kernel that refuses the program: said, and everything else works.
case_refused() {
	config
	LD_PRELOAD=$B/live/mock_bpf.so MOCK_REFUSE_PROG=link_xmit LAB_NETNS=$SENDER_NET \
		start_outflowd "$LAB_CONFIG"
	is "refused: named" "$(outflow status --json | jq -c .hooks_missing)" '["interfaces"]'
	is "refused: off, and why" "$(outflow status --json | jq -r .reconcile.off)" \
		"this kernel refuses the hook 'interfaces'"
	in_sender "$B/lab/send" --way tcp-write --bytes 1000000 --to "$FAR4:7000" >"$LAB_DIR/send.out"
	is "refused: nothing counts as untraced" "$(outflow ledger --json | jq .loss.untraced)" 0
	is "refused: sends are posted" \
		"$(flows_settle 5 1000000 flows_of "$(jq .pid "$LAB_DIR/send.out")")" 1000000
	stop_outflowd
}

# Packet sockets go past the queue, but are posted.
case_packet() {
	daemon_start
	far_count_udp "$COUNTED"
	leak bypass --dev wire --from 198.51.100.1 --bytes 3000000 --rate 1500000
	is "packet socket past the queue: all sent" "$?" 0
	is "packet socket past the queue: all arrived" "$(counted)" "$(jq .bytes "$LAB_DIR/leak.out")"
	settle
	is "packet socket past the queue: no alert" "$(alerts)" 0
	stop_outflowd
}

# ---- A container: its sockets are posted, what it sends is forwarded ----

# Runs in the sender's namespace.
# shellcheck disable=SC2317 # in_net calls it
container_link() {
	ip link add cont0 type veth peer name eth0 netns "$1" &&
		ip addr add 10.77.0.1/24 dev cont0 && ip link set cont0 up
}

container_make() {
	[ -z "${CONTAINER_NET:-}" ] || return 0
	CONTAINER_NET=outflow-c-$$
	LAB_NETS+=("$CONTAINER_NET")
	ip netns add "$CONTAINER_NET" &&
		nsenter --net="/run/netns/$SENDER_NET" bash -c "$(declare -f container_link); container_link $CONTAINER_NET" &&
		in_net "$CONTAINER_NET" ip link set lo up &&
		in_net "$CONTAINER_NET" ip addr add $INSIDE/24 dev eth0 &&
		in_net "$CONTAINER_NET" ip link set eth0 up &&
		in_net "$CONTAINER_NET" ip route add default via 10.77.0.1
}

case_container() {
	container_make || not_ok "container" "cannot be made"
	daemon_start
	far_count_udp "$COUNTED"
	in_net "$CONTAINER_NET" "$B/lab/send" --way tcp-write --bytes 50000000 --to "$FAR4:7000" \
		>"$LAB_DIR/send.out"
	in_net "$CONTAINER_NET" "$B/lab/send" --way udp-send --chunk 1000 --bytes 5000000 \
		--to "$FAR4:$COUNTED" >"$LAB_DIR/send.out"
	is "container: posted" "$(flows_settle 5 5000000 flows_of "$(jq .pid "$LAB_DIR/send.out")")" 5000000
	settle
	is "container: no alert" "$(alerts)" 0
	moved "container" forwarded 55000000
	# But a TUN device inside it is nobody's.
	far_count_udp "$COUNTED"
	in_net "$CONTAINER_NET" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	in_net "$CONTAINER_NET" "$B/lab/leak" --way tun --dev tun0 --from 10.79.0.2 \
		--to "$FAR4:$COUNTED" --bytes 3000000 --rate 1000000 >"$LAB_DIR/leak.out"
	expect_leak "TUN in a container" other_netns
	stop_outflowd
}

# Datagrams of a container that this machine has to cut for the wire: the headers of the pieces are
# nobody's.
case_fragments() {
	local mtu

	container_make || not_ok "fragments" "cannot be made"
	mtu=$(in_sender ip -j link show wire | jq '.[0].mtu')
	in_sender ip link set wire mtu 1400
	in_far ip link set wire mtu 1400
	daemon_start
	in_net "$CONTAINER_NET" "$B/lab/send" --way udp-send --chunk 8000 --bytes 30000000 \
		--to "$FAR4:7001" >"$LAB_DIR/send.out"
	settle
	is "fragments: no alert" "$(alerts)" 0
	moved "fragments" forwarded 30000000
	in_sender ip link set wire mtu "$mtu"
	in_far ip link set wire mtu "$mtu"
	stop_outflowd
}

# A kernel may run no tracing program on top of PID 1, which is kept busy here: what interrupts send
# there, for sockets of this namespace and of a container, is explained all the same.
case_init() {
	local pid

	container_make || not_ok "container" "cannot be made"
	daemon_start
	"$B/lab/orphans" --count $((BYTES_INIT / 100000)) --seconds 10 &
	pid=$!
	LAB_PIDS+=("$pid")
	in_sender "$B/lab/send" --way tcp-write --bytes $((4 * BYTES_INIT)) --to "$FAR4:7000" >"$LAB_DIR/send.out" &
	in_net "$CONTAINER_NET" "$B/lab/send" --way tcp-write --bytes "$BYTES_INIT" --to "$FAR4:7000" \
		>"$LAB_DIR/send2.out"
	wait $!
	wait "$pid"
	is "PID 1 busy: orphans made" $? 0
	lab_forget_pid "$pid"
	settle
	is "PID 1 busy: no alert" "$(alerts)" 0
	echo "# $(outflow ledger --json | jq -c ".interfaces, .loss.untraced")"
	stop_outflowd
}

# What packet sockets send to the machine itself explains nothing that leaves.
case_lo() {
	local pid

	daemon_start
	far_count_udp "$COUNTED"
	nsenter --net="/run/netns/$SENDER_NET" timeout 30 "$B/lab/send" --way packet-raw \
		--chunk 60000 --bytes 1000000000000 --to 127.0.0.1:1 >"$LAB_DIR/send.out" 2>&1 &
	pid=$!
	LAB_PIDS+=("$pid")
	leak xdp --dev wire --from 198.51.100.1 --bytes 3000000 --rate 1000000
	expect_leak "AF_XDP beside packets to loopback" bypass
	lab_end_pids "$pid"
	lab_forget_pid "$pid"
	is "packets to loopback: were sent meanwhile" \
		"$(outflow flows --json --all 2>/dev/null | jq -s "[.[] | select(.process.name == \"send\").bytes.sent] | add > 3000000")" true
	stop_outflowd
}

# ---- The link goes and comes ----

# Runs in the sender's namespace.
# shellcheck disable=SC2317 # in_net calls it
wire_make() {
	ip link del wire
	ip link add wire mtu 65535 type veth peer name wire mtu 65535 netns "$1"
}

wire_remake() {
	nsenter --net="/run/netns/$SENDER_NET" bash -c "$(declare -f wire_make); wire_make $FAR_NET" &&
		wire_up
}

wire_up() {
	lab_net_up "$SENDER_NET" 198.51.100.1/24 2001:db8:1::1/64 &&
		lab_net_up "$FAR_NET" $FAR4/24 $FAR4_B/24 $FAR4_C/24 $FAR6/64 &&
		in_sender ip route add default via $FAR4 &&
		in_sender ip -6 route add default via $FAR6 &&
		in_far ip route add 10.0.0.0/8 via 198.51.100.1 || return
	FAR_MAC=$(in_far ip -j link show wire | jq -r '.[0].address')
}

# Network cards, whose drivers may count otherwise than a veth.
wire_hardware() { # NEAR FAR
	in_sender ip link del wire &&
		ip link set "$1" netns "$SENDER_NET" && in_sender ip link set "$1" name wire &&
		ip link set "$2" netns "$FAR_NET" && in_far ip link set "$2" name wire &&
		wire_up
}

case_remade() {
	local i

	daemon_start
	for i in 1 2 3; do
		in_sender "$B/lab/send" --way tcp-write --bytes 5000000 --to "$FAR4:7000" >"$LAB_DIR/send.out"
		wire_remake || not_ok "link made again" "cannot be made, round $i"
		in_sender "$B/lab/send" --way tcp-write --bytes 5000000 --to "$FAR4:7000" >"$LAB_DIR/send.out"
	done
	settle
	is "link made again: no alert" "$(alerts)" 0
	is "link made again: watched" "$(outflow status --json | jq -c .reconcile.interfaces)" '["wire"]'
	far_count_udp "$COUNTED"
	leak xdp --dev wire --from 198.51.100.1 --bytes 3000000 --rate 1000000
	expect_leak "AF_XDP on the new link" bypass
	stop_outflowd
}

# ---- A bridge: it copies what it floods, and a copy has no socket ----

# Runs in the sender's namespace. An older port gets the frame itself, the wire a copy.
# shellcheck disable=SC2317 # in_net calls it
bridge_make() {
	ip link add br0 type bridge && ip link add p0 type veth peer name p1 &&
		ip link set p0 master br0 && ip link set p1 up && ip link set p0 up &&
		ip link set br0 address "$(ip -j link show wire | jq -r '.[0].address')" &&
		ip addr flush dev wire && ip link set wire master br0 && ip link set br0 up &&
		ip addr add 198.51.100.1/24 brd + dev br0 &&
		ip route add default via "$1" && ip route add 239.0.0.0/8 dev br0
}

# shellcheck disable=SC2317 # in_net calls it
bridge_unmake() {
	ip link del br0
	ip link del p0
}

case_bridge() {
	if ! in_sender bridge_make "$FAR4"; then
		not_ok "bridge" "cannot be made"
		return
	fi
	daemon_start
	far_count_udp "$COUNTED"
	in_sender "$B/lab/leak" --way broadcast --to "198.51.100.255:$COUNTED" --bytes 3000000 >"$LAB_DIR/leak.out"
	is "bridge: broadcasts arrived" "$(counted)" "$(jq .bytes "$LAB_DIR/leak.out")"
	in_sender "$B/lab/send" --way udp-send --chunk 1400 --bytes 3000000 --to 239.1.1.1:7001 >"$LAB_DIR/send.out"
	in_sender "$B/lab/send" --way tcp-write --bytes 3000000 --to "$FAR4:7000" >"$LAB_DIR/send.out"
	settle
	is "bridge: what it floods raises no alert" "$(alerts)" 0
	moved "bridge" kernel 5900000
	far_count_udp "$COUNTED"
	leak xdp --dev wire --from 198.51.100.1 --bytes 3000000 --rate 1000000
	expect_leak "AF_XDP on a bridge's port" bypass
	stop_outflowd
	in_sender bridge_unmake
	wire_remake || not_ok "bridge" "cannot be unmade"
}

# ---- A guest ----

# What the guest runs: a network card, then datagrams.
guest_job() { # RELEASE
	cat <<-END
		for m in failover net_failover virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_net; do
			[ ! -e /guest/\$m.ko ] || insmod /guest/\$m.ko
		done
		ip link set eth0 up && ip addr add $GUEST/24 dev eth0 && ip route add default via 10.78.0.1
		build/lab/send --way udp-send --chunk 1000 --bytes 3000000 --to $FAR4:$COUNTED
	END
}

guest_archive() {
	local base=$VM/../../build/vm/$GUEST_KERNEL m f

	mkdir -p "$LAB_DIR/guest/guest"
	guest_job >"$LAB_DIR/guest/job"
	for m in failover net_failover virtio_ring virtio virtio_pci_legacy_dev \
		virtio_pci_modern_dev virtio_pci virtio_net; do
		f=$(find "$base/lib/modules" -name "$m.ko*" | head -n 1)
		case $f in
		*.xz) xz -dc "$f" >"$LAB_DIR/guest/guest/$m.ko" ;;
		*.zst) zstd -qdc "$f" >"$LAB_DIR/guest/guest/$m.ko" ;;
		*.ko) cp "$f" "$LAB_DIR/guest/guest/" ;;
		esac
	done
	(cd "$LAB_DIR/guest" && find . -print | cpio --quiet -o -H newc -R 0:0)
}

# Runs in the sender's namespace.
# shellcheck disable=SC2317 # in_net calls it
guest_tap() {
	ip tuntap add tap0 mode tap && ip addr add 10.78.0.1/24 dev tap0 && ip link set tap0 up
}

case_guest() {
	local pid

	if ! command -v qemu-system-x86_64 >/dev/null || [ ! -x "$VM/initramfs" ]; then
		skip "guest" "needs qemu-system-x86_64 and tests/vm"
		return
	fi
	if ! "$VM/fetch" "$GUEST_KERNEL" >"$LAB_DIR/fetch.log" 2>&1; then
		skip "guest" "no kernel: $(tail -n 1 "$LAB_DIR/fetch.log")"
		return
	fi
	if ! { "$VM/initramfs" "$B" "$GUEST_KERNEL" "$LAB_DIR/initrd" &&
		guest_archive >>"$LAB_DIR/initrd" && in_sender guest_tap; }; then
		not_ok "guest" "cannot be made"
		return
	fi
	daemon_start
	far_count_udp "$COUNTED"
	in_sender timeout -k 5 120 qemu-system-x86_64 -accel tcg -cpu max,la57=off -m 1G \
		-nodefaults -no-user-config -no-reboot -display none -monitor none \
		-netdev tap,id=n,ifname=tap0,script=no,downscript=no -device virtio-net-pci,netdev=n,romfile= \
		-kernel "$VM/../../build/vm/$GUEST_KERNEL/vmlinuz" -initrd "$LAB_DIR/initrd" \
		-append 'console=ttyS0 rdinit=/init panic=-1 quiet' \
		-serial "file:$LAB_DIR/guest.log" -serial "file:$LAB_DIR/guest.out" \
		</dev/null >"$LAB_DIR/qemu.log" 2>&1 &
	pid=$!
	LAB_PIDS+=("$pid")
	if wait_for 120 grep -qs '^vm-exit: ' "$LAB_DIR/guest.out"; then
		expect_leak "guest" forwarded
	else
		not_ok "guest" "$(tail -n 3 "$LAB_DIR/guest.log" "$LAB_DIR/qemu.log" | tr '\n' ' ')"
	fi
	lab_end_pids "$pid"
	lab_forget_pid "$pid"
	stop_outflowd
}

# ---- Ordinary traffic ----

# Every 3rd of a hundred packets that arrive is lost, either way.
# shellcheck disable=SC2317 # in_net calls it
drop_some() {
	nft -f - <<-END
		table inet outflow_drop {
			chain input {
				type filter hook prerouting priority -400;
				iifname wire numgen random mod 100 < 3 drop
			}
		}
	END
}

mixed_send() { # WAY BYTES CHUNK TO
	in_sender timeout 60 "$B/lab/send" --way "$1" --bytes "$2" --chunk "$3" --to "$4" >>"$LAB_DIR/mixed.out" 2>&1
}

mixed_answer() { # WAY BYTES TO
	in_far timeout 60 "$B/lab/send" --way "$1" --bytes "$2" --to "$3" >>"$LAB_DIR/mixed.out" 2>&1
}

mixed_round() {
	mixed_send tcp-write 2000 1 "$FAR4:7000"
	mixed_send tcp-write 2000 1 "[$FAR6]:7000"
	mixed_send tcp-write 3000000 1000000 "[$FAR6]:7000"
	mixed_send tcp-sendfile 20000000 1000000 "$FAR4:7000"
	mixed_send udp-send 3000000 65000 "$FAR4:7001"
	mixed_send udp-send 200000 1 "[$FAR6]:7001" &
	mixed_send udp-gso 3000000 65000 "[$FAR6]:7001"
	wait $!
	mixed_send ping 100000 1400 "$FAR4:1"
	mixed_send ping 100000 1400 "[$FAR6]:1"
	mixed_send raw-ip 50000 1400 "$FAR4:1"
	mixed_send packet-raw 100000 1400 "$FAR4:1"
	mixed_send packet-dgram 100000 1400 "$FAR4:1"
	mixed_send tcp-write 1000 1000 "$FAR4:7999"     # refused
	mixed_send udp-send 1000 1000 198.51.100.77:9   # nobody there: neighbours are asked
	mixed_send udp-send 1000 1000 "[2001:db8:1::77]:9"
	in_sender "$B/lab/leak" --way broadcast --to 198.51.100.255:9 --bytes 200000 >>"$LAB_DIR/mixed.out"
	leak bypass --dev wire --from 198.51.100.1 --bytes 200000
	# What comes is answered: acknowledged, reset, refused.
	mixed_answer tcp-write 3000000 198.51.100.1:7002
	mixed_answer tcp-write 1000 198.51.100.1:7998
	mixed_answer ping 100000 198.51.100.1:1
	mixed_answer udp-send 10000 '[2001:db8:1::1]:7997'
	# A container of its own, and neighbours and groups that come and go.
	in_net "$CONTAINER_NET" timeout 60 "$B/lab/send" --way tcp-write --bytes 3000000 --to "$FAR4:7000" >>"$LAB_DIR/mixed.out" 2>&1
	in_sender ip neigh flush dev wire
	in_sender ip -6 addr add 2001:db8:1::99/64 dev wire nodad
	in_sender ip -6 addr del 2001:db8:1::99/64 dev wire
}

case_mixed() {
	local end rounds=0

	container_make || not_ok "container" "cannot be made"
	daemon_start
	if ! in_far drop_some || ! in_sender drop_some; then
		not_ok "mixed" "no packets can be dropped"
	fi
	nsenter --net="/run/netns/$SENDER_NET" "$B/lab/recv" --tcp 7002 >"$LAB_DIR/near.out" 2>&1 &
	LAB_PIDS+=($!)
	end=$((${EPOCHREALTIME%[.,]*} + SECONDS_MIXED))
	while [ "${EPOCHREALTIME%[.,]*}" -lt $end ]; do
		mixed_round
		rounds=$((rounds + 1))
	done
	settle
	is "ordinary traffic, $SECONDS_MIXED s, $rounds rounds, $(link_sum sent) bytes: no alert" "$(alerts)" 0
	echo "# $(outflow ledger --json | jq -c '.interfaces, .loss')"
	[ -z "${LINKS_TRACED:-}" ] ||
		is "ordinary traffic: nothing was untraced" "$(outflow ledger --json | jq .loss.untraced)" 0
	moved "ordinary traffic" sent "$((rounds * 20000000))"
	in_far nft delete table inet outflow_drop
	in_sender nft delete table inet outflow_drop
	stop_outflowd
}

run_case() { # CASE
	case $1 in
	xdp) case_xdp ;;
	tun) case_tun ;;
	macvtap) case_macvtap ;;
	txring) case_txring ;;
	beside) case_beside ;;
	cold) case_cold ;;
	slow) case_slow ;;
	off) case_off ;;
	refused) case_refused ;;
	packet) case_packet ;;
	container) case_container ;;
	fragments) case_fragments ;;
	init) case_init ;;
	lo) case_lo ;;
	remade) case_remade ;;
	bridge) case_bridge ;;
	guest) case_guest ;;
	mixed) case_mixed ;;
	*) not_ok "$1" "no such case" ;;
	esac
}

lab_begin "${1:-build}"
shift
need_built lab/leak lab/send lab/recv live/mock_bpf.so
lab_net_new
in_sender sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
in_far ip route add 10.0.0.0/8 via 198.51.100.1
FAR_MAC=$(in_far ip -j link show wire | jq -r '.[0].address')
if [ -n "${LINKS_WIRE:-}" ]; then
	# shellcheck disable=SC2086 # two names
	wire_hardware ${LINKS_WIRE/,/ } || not_ok "$LINKS_WIRE" "cannot be put in the place of the wire"
fi
far_start --tcp 7000 --udp 7001
# shellcheck disable=SC2086 # a list
if [ $# -eq 0 ]; then
	LINKS_CASES=${LINKS_CASES:-xdp,tun,macvtap,txring,beside,cold,lo,off,refused,packet,container,fragments,init,remade,bridge,guest,mixed}
	set -- ${LINKS_CASES//,/ }
fi
for c in "$@"; do
	run_case "$c"
done
far_stop
lab_end
