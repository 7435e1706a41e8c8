#!/bin/bash
# An arm64 Debian 12 userland in a folder: Python, numpy, OpenCV and LiteRT as on a 64-bit Raspberry Pi, run by qemu.
#
#   experiments/emulated_board.sh ROOT               makes it (half a minute, 0.3 GB); an existing ROOT is used as it is
#   experiments/emulated_board.sh ROOT COMMAND...    also runs a command inside, as on a Pi 4 (QEMU_CPU=cortex-a72;
#                                                    cortex-a53 is a Pi 3, cortex-a76 a Pi 5)
#   experiments/emulated_board.sh ROOT --sshd PORT KEY.pub
#                                                    an sshd inside, until Ctrl-C: root, by that key alone, and only from
#                                                    this machine. Then, in a checkout:
#       python -m benchmarks board root@127.0.0.1 --port PORT --ssh-options='-i KEY' MODEL
#
# It answers whether a board's processor computes the same, never how fast: emulation says nothing about speed.
# A command runs in /framelite, where this repository's device/ and experiments/ are seen, read-only. Files go in and
# come out as files of ROOT: `cp MODEL ROOT/tmp/`, inside it is /tmp/MODEL.
#
# Needs root, an x86-64 Debian with mmdebstrap, and pip for `python3` (or $PYTHON). Nothing is installed on the machine.
# ROOT outlasts a call. So does, where the kernel is older than 6.7 or the machine itself keeps binfmt_misc mounted, an
# entry in the kernel's list of binary formats, gone with the next boot.
set -euo pipefail

readonly SUITE=bookworm
readonly FORMAT=framelite-arm64 # the entry's name: ours, so that no other emulator's entry is touched
# By name where variant=extract would leave it out: that variant takes what is named and its dependencies, no more.
readonly PACKAGES=python3,python3-venv,openssh-server,coreutils,bash,dash,libc-bin,base-passwd,libstdc++6
readonly WHEELS=(numpy opencv-python-headless==5.0.0.93 ai-edge-litert==2.3.0)

fail() {
    echo "emulated_board.sh: $1" >&2
    exit 2
}

# The Debian mirror that this machine's apt already uses.
mirror() {
    # shellcheck disable=SC2016  # apt-get fills in $(...), not the shell
    apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' |
        awk -v suite="$SUITE" '$2 == suite { print $1; exit }'
}

# qemu 7.2, which Debian 12 itself has, crashes under LiteRT 2.2 and later; the backport of qemu 10 doesn't. It is
# fetched through lists and a cache of its own, so the system's apt knows nothing of backports, and only unpacked.
unpack_qemu() { # MIRROR WORK FILE
    local apt=(-o "Dir::Etc::sourcelist=$2/backports.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$2/lists" -o "Dir::Cache=$2/cache" -o APT::Sandbox::User=root -q)
    mkdir -p "$2/lists/partial" "$2/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $1 $SUITE-backports main" >"$2/backports.list"
    apt-get "${apt[@]}" update >&2
    (cd "$2" && apt-get "${apt[@]}" download qemu-user >&2)
    mkdir -p "$(dirname "$3")"
    # One of the package's forty emulators; it is linked statically and needs nothing of the machine.
    dpkg-deb --fsys-tarfile "$2"/qemu-user_*.deb | tar -xO ./usr/bin/qemu-aarch64 >"$3"
    chmod 755 "$3"
}

# variant=extract unpacks packages and runs nothing of them: seconds instead of minutes under emulation. What their
# scripts would have made and Python needs is made here.
unpack_userland() { # MIRROR FOLDER
    # The main suite alone: the security suite's arm64 index has been out of step with it.
    mmdebstrap --quiet --mode=root --variant=extract --arch=arm64 --skip=check/qemu --include="$PACKAGES" \
        "$SUITE" "$2" "deb $1 $SUITE main"
    mkdir -p "$2"/{proc,sys,dev,tmp,root,framelite/device,framelite/experiments}
    chmod 1777 "$2/tmp"
    cp "$2/usr/share/base-passwd/passwd.master" "$2/etc/passwd"
    cp "$2/usr/share/base-passwd/group.master" "$2/etc/group"
    [ -e "$2/bin/sh" ] || ln -s dash "$2/bin/sh"
}

# The wheels that pip would choose on the board, put in by the machine's pip: unpacking needs no arm64 processor.
install_wheels() { # FOLDER
    "${PYTHON:-python3}" -m pip install --quiet --no-compile --root-user-action=ignore --only-binary :all: \
        --implementation cp --python-version 311 --abi cp311 --abi abi3 --abi none \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
        --target "$1/usr/local/lib/python3.11/dist-packages" "${WHEELS[@]}" >&2
}

# Everything is made beside ROOT and renamed at the end: a ROOT that is there is whole.
make_root() { # ROOT
    command -v mmdebstrap >/dev/null || fail "mmdebstrap isn't there: apt-get install mmdebstrap"
    local mirror work=$1.partial
    mirror=$(mirror)
    [ -n "$mirror" ] || fail "apt's sources on this machine have no Debian $SUITE, expected its main suite"
    rm -rf "$work"
    mkdir -p "$work/apt"
    # The parts that are fetched anew each time live in the work folder too, so one rm clears a run that was stopped.
    unpack_userland "$mirror" "$work/root"
    unpack_qemu "$mirror" "$work/apt" "$work/root/opt/qemu-aarch64"
    install_wheels "$work/root"
    mv "$work/root" "$1"
    rm -rf "$work"
}

# Tells the kernel to start arm64 programs through qemu. The flag F opens qemu now, by the machine's path, so that it
# is found from inside the root too. The magic is the head of an ELF file: 64 bits, little endian, executable or
# shared object (the mask's \xfe), machine 0xb7 (arm64).
register_qemu() { # QEMU
    local list=/proc/sys/fs/binfmt_misc magic mask
    [ -e "$list/register" ] || mount -t binfmt_misc none "$list"
    if [ -e "$list/$FORMAT" ]; then
        if grep -qxF "interpreter $1" "$list/$FORMAT"; then return; fi
        echo -1 >"$list/$FORMAT"
    fi
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    echo ":$FORMAT:M::$magic:$mask:$1:F" >"$list/register"
}

# Inside `unshare --mount`: the mounts end with the command. LiteRT without /proc runs, but silently without XNNPACK.
run_inside() { # ROOT REPOSITORY COMMAND...
    local root=$1 repository=$2 folder
    shift 2
    register_qemu "$root/opt/qemu-aarch64"
    for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
    for folder in device experiments; do
        mount --bind -o ro "$repository/$folder" "$root/framelite/$folder"
    done
    # Without QEMU_CPU qemu shows a processor with everything, SVE too, that no Pi has, and is three times slower.
    exec env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
        QEMU_CPU="${QEMU_CPU:-cortex-a72}" \
        chroot "$root" /bin/sh -c 'cd /framelite && exec "$@"' sh "$@"
}

# What the packages' scripts would have made for sshd, and what pip inside needs to reach its index as this machine
# does: names, certificates, an index of its own.
prepare_sshd() { # ROOT KEY
    local root=$1 index
    mkdir -p "$root/run/sshd" "$root/root/.ssh" "$root/etc/ssl/certs"
    cp "$2" "$root/root/.ssh/authorized_keys"
    grep -q ^sshd: "$root/etc/passwd" || echo 'sshd:*:105:65534::/run/sshd:/usr/sbin/nologin' >>"$root/etc/passwd"
    [ -e "$root/etc/ssh/host_key" ] || ssh-keygen -q -t ed25519 -N '' -f "$root/etc/ssh/host_key"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$root/etc/pip.conf"
    index=$("${PYTHON:-python3}" -m pip config get global.index-url 2>/dev/null) || return 0
    echo "index-url = $index" >>"$root/etc/pip.conf"
}

run_sshd() { # ROOT REPOSITORY PORT
    run_inside "$1" "$2" /usr/sbin/sshd -D -e -f /dev/null -o "Port=$3" -o ListenAddress=127.0.0.1 \
        -o HostKey=/etc/ssh/host_key -o UsePAM=no -o PasswordAuthentication=no -o StrictModes=no \
        -o "SetEnv=QEMU_CPU=${QEMU_CPU:-cortex-a72}"
}

main() {
    if [ "${1:-}" = --inside ]; then
        shift
        "$@"
    fi
    [ $# -ge 1 ] || fail "no folder given, expected: emulated_board.sh ROOT [COMMAND...]"
    [ "$(id -u)" = 0 ] || fail "run as an ordinary user, expected root (chroot, mount)"
    local root repository
    root=$(realpath -m "$1")
    repository=$(realpath "$(dirname "$0")/..")
    shift
    if [ ! -e "$root" ]; then
        make_root "$root"
    elif [ ! -x "$root/opt/qemu-aarch64" ]; then
        fail "$root is there but not made by this script, expected a folder that isn't there yet"
    fi
    [ $# -ge 1 ] || exit 0
    local job=run_inside
    if [ "$1" = --sshd ]; then
        [ $# -eq 3 ] && [ -f "$3" ] || fail "expected: emulated_board.sh ROOT --sshd PORT KEY.pub"
        [ -x "$root/usr/sbin/sshd" ] || fail "$root was made before it had an sshd; remove it to make it anew"
        prepare_sshd "$root" "$3"
        job=run_sshd
        set -- "$2"
    fi
    exec unshare --mount bash "$repository/experiments/emulated_board.sh" --inside "$job" "$root" "$repository" "$@"
}

main "$@"
