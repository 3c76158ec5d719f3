# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# services.sh: deputies that are services of a machine: why this one cannot show them, found by asking,
# and how to send by those that it can. Sourced by tests/lab/run and by tests/lab/service.

# Prints why not; nothing when the service is here and may be used.
service_lacks() { # WAY
	case $1 in
	ssh)
		if ! command -v ssh >/dev/null; then
			echo "no ssh"
		elif ! [ -x /usr/sbin/sshd ]; then
			echo "no sshd to log in at"
		elif [ -z "${LAB_OWN_MACHINE:-}" ]; then
			echo "the lab logs in nowhere on a machine that others use"
		elif ! pgrep -x sshd >/dev/null 2>&1; then
			echo "no sshd runs"
		fi
		;;
	docker-sock)
		if ! [ -S /var/run/docker.sock ]; then
			echo "no /var/run/docker.sock"
		else
			echo "the lab starts no containers in a machine's own engine; see deputy-mock"
		fi
		;;
	systemd-run)
		if ! command -v systemd-run >/dev/null; then
			echo "no systemd-run"
		elif ! [ -d /run/systemd/system ]; then
			echo "systemd is not the first process"
		fi
		;;
	at)
		if ! command -v at >/dev/null; then
			echo "no at"
		elif ! pgrep -x atd >/dev/null 2>&1; then
			echo "no atd runs"
		fi
		;;
	wireguard)
		if command -v wg >/dev/null && modinfo wireguard >/dev/null 2>&1; then
			echo "by tests/vm/wireguard.sh, which has the same checks"
		else
			echo "no WireGuard"
		fi
		;;
	nbd)
		if [ ! -b /dev/nbd0 ]; then
			echo "no /dev/nbd0"
		else
			echo "the lab takes none of a machine's own block devices"
		fi
		;;
	nfs)
		if ! grep -qw nfs /proc/filesystems; then
			echo "no NFS client"
		else
			echo "the lab has no NFS server"
		fi
		;;
	cron)
		if ! pgrep -x 'cron|crond' >/dev/null 2>&1; then
			echo "no cron runs"
		elif [ -z "${LAB_OWN_MACHINE:-}" ]; then
			echo "it starts programs on the minute, by a table that is the machine's own"
		fi
		;;
	esac
}
