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

# The packages that qemu/packages has below some headings, but for those that carry the version of a compiler: a machine
# has the ones of its own release.
packages() { # HEADING...
	for heading; do
		sed -n "/^# $heading/,/^\$/p" "$top/qemu/packages"
	done | sed '/^#/d; /^$/d; /-[0-9]/d'
}

# Whether this machine serves itself for a command: one about the kernel that runs here, on a Debian that has the tools
# which that kernel was built with. QSOCK_HOST=1 says so outright, as DKMS does for a kernel that does not run yet.
host_serves() { # COMMAND...
	release=$( (. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_ID:-99}") 2>/dev/null) || release=0
	if [ "$release" -lt 13 ]; then
		[ "${QSOCK_HOST-}" != 1 ] || die "QSOCK_HOST=1 is for Debian 13 and newer: elsewhere, give a built tree with KDIR=."
		return 1
	fi
	if [ "${QSOCK_HOST-}" != 1 ]; then
		arch=$(uname -m | sed s/aarch64/arm64/)
		case "$*" in
		'lab kdir --choose --kernel running' | 'lab module --kernel running') ;;
		'lab module --chosen' | 'lab qsockctl' | 'lab tools' | "lab qsockctl --arch $arch" | "lab tools --arch $arch")
			[ "$(cat "$top/build/kernel-$arch" 2>/dev/null)" = "$(uname -r)" ] || return 1
			;;
		*) return 1 ;;
		esac
	fi
	set -- 'Building a kernel' 'Rust as'
	# A package of qsock brings lab with it.
	[ ! -d "$top/qemu/lab" ] || set -- "$@" 'qemu\/lab'
	missing=
	for package in $(packages "$@"); do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	# The build root has the tools of Debian 13 alone.
	[ "$release" = 13 ] && [ "${QSOCK_HOST-}" != 1 ] ||
		die "this kernel wants this machine's own tools: have root run 'apt-get install$missing', then run this again."
	return 1
}
