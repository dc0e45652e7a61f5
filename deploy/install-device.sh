#!/bin/sh
# Installs the device as a service on Raspberry Pi OS (Bookworm or Trixie, 64 bit): docs/raspberry-pi.md.
# It can be repeated: an installation is brought up to date, settings and queue stay.
set -eu
umask 022 # the user dsc reads what root installs

usage() {
    cat <<'EOF'
Usage: install-device.sh [--dry-run] [--extras LIST] [--photos DIR] PACKAGE

Installs PACKAGE, a wheel or a folder with the source, for the service dsc-device.

  --dry-run       print the commands instead of running them
  --extras LIST   extras to install (default: device,watch; USB cameras: device,watch,camera)
  --photos DIR    folder that is watched; it is made (default: /srv/dsc/photos)
EOF
}

fail() {
    echo "error: $1" >&2
    exit 1
}

run() {
    if [ "$dry_run" = yes ]; then
        echo "$*"
    else
        "$@"
    fi
}

# Writes standard input to the file $1 unless it exists.
keep_or_write() {
    if [ -e "$1" ]; then
        echo "kept: $1"
        cat >/dev/null
    elif [ "$dry_run" = yes ]; then
        echo "write $1:"
        sed 's/^/    /'
    else
        (umask 077 && cat >"$1")
    fi
}

require_system() {
    if [ "$dry_run" = yes ]; then
        return
    fi
    [ "$(id -u)" = 0 ] || fail "expected root: sudo sh install-device.sh …"
    case "$(uname -m)" in
        aarch64 | x86_64) ;;
        *) fail "expected a 64-bit system, got $(uname -m): install the 64-bit Raspberry Pi OS" ;;
    esac
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "expected Python 3.11 or later: Raspberry Pi OS Bookworm or Trixie"
}

dry_run=no
extras=device,watch
photos=/srv/dsc/photos
package=
while [ $# -gt 0 ]; do
    case "$1" in
        --dry-run) dry_run=yes ;;
        --extras | --photos)
            [ $# -ge 2 ] || fail "expected a value after $1"
            if [ "$1" = --extras ]; then extras=$2; else photos=$2; fi
            shift
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        -*) fail "unknown option $1 (see --help)" ;;
        *)
            [ -z "$package" ] || fail "expected one PACKAGE, got $package and $1"
            package=$1
            ;;
    esac
    shift
done
[ -n "$package" ] || fail "expected a PACKAGE: a wheel, or a folder with the source (see --help)"
[ -e "$package" ] || fail "no such file or folder: $package"
case "$package" in
    /* | ./* | .) ;;
    *) package=./$package ;; # pip takes a bare word for the name of a package on the network
esac
case "$photos" in
    /*) ;;
    *) fail "--photos: expected an absolute path, got $photos" ;;
esac
case "$photos" in
    *[!A-Za-z0-9/._-]*) fail "--photos: expected letters, digits and /._- in the path, got $photos" ;;
esac
case "$extras" in
    *[!a-z,]*) fail "--extras: expected names with commas, got $extras" ;;
esac
unit=$(dirname "$0")/systemd/dsc-device.service
[ -e "$unit" ] || fail "no unit at $unit: run the script from the folder deploy of the source"

require_system
run apt-get install --yes --no-install-recommends python3-venv
if ! getent passwd dsc >/dev/null; then
    run useradd --system --user-group --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin dsc
fi
[ -x /opt/dsc/bin/python ] || run python3 -m venv /opt/dsc
run /opt/dsc/bin/python -m pip install --quiet --upgrade "pip>=24"
run /opt/dsc/bin/python -m pip install --quiet --upgrade "$package[$extras]"
run install -d -m 755 /etc/dsc
run install -d -m 2775 -o root -g dsc "$photos"
keep_or_write /etc/dsc/device.env <<EOF
# Settings of the device: DSC_DEVICE_… of docs/operating.md.
DSC_DEVICE_SERVER=127.0.0.1:50051
DSC_DEVICE_CHANNEL=127.0.0.1:50052
# What it does: a command of dsc-device with its options.
DEVICE_COMMAND=watch $photos
EOF
run install -m 644 "$unit" /etc/systemd/system/dsc-device.service
run systemctl daemon-reload
run systemctl enable dsc-device.service
echo "next: set the addresses in /etc/dsc/device.env, then: systemctl restart dsc-device"
