# SPDX-License-Identifier: GPL-2.0
# What qemu/root, qemu/enter and qemu/cold-test share: places, messages, privilege. Sourced, never run.

top=$(cd "$(dirname "$0")/.." && pwd -P)
QSOCK_CACHE=${QSOCK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/qsock}
export QSOCK_CACHE
suite=trixie

die() {
	echo "qsock: $*" >&2
	exit 1
}

say() {
	echo "qsock: $*" >&2
}

# Free space is looked at before a big step, so that it fails at its start.
need_space() { # MiB, directory, what for
	free=$(df -Pm "$2" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$1" ] ||
		die "$3 needs $1 MiB in $2, which has $free MiB free: make room, or set QSOCK_CACHE to a folder on a larger disk."
}

# Waits for the lock on "$1", held until this shell ends.
lock() {
	exec 9>"$1"
	flock -n 9 && return
	say "another run is making $2: waiting for it"
	flock 9
}

# How this user becomes root of a mount namespace: root itself, a user namespace, or sudo.
privilege() {
	if [ "$(id -u)" = 0 ]; then
		echo root
	# The plain one first: where it is refused, the other leaves a child behind that never ends.
	elif unshare --user true 2>/dev/null && unshare --mount --map-root-user --map-auto true >/dev/null 2>&1; then
		echo userns
	elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
		echo sudo
	else
		die "the build root needs root's rights: run this as root, or install sudo, or allow user namespaces (packages uidmap and util-linux, a line for $(id -un) in /etc/subuid and /etc/subgid)."
	fi
}

# Runs a command with those rights ($how) in a mount namespace of its own, which ends with it. Its mounts still
# propagate: in a chroot / is no mount, which unshare would refuse to make private.
in_namespace() {
	case $how in
	root) unshare --mount --propagation unchanged -- "$@" ;;
	userns) unshare --mount --propagation unchanged --map-root-user --map-auto -- "$@" ;;
	sudo) sudo --preserve-env unshare --mount --propagation unchanged -- "$@" ;;
	esac
}

# The Acquire part of the host's apt configuration: proxies, certificates, retries, date checks.
host_acquire() {
	apt-config dump Acquire | grep -vE '^Acquire::(IndexTargets|Changelogs|CompressionTypes|Languages|cdrom|GzipIndexes)|""; *$' || :
}
