# Installs the Debian packages named as arguments. Their services stay stopped, now and at the next start of
# the machine: the tests start servers of their own. Runs as root, by `sh -c`.
set -eu
export DEBIAN_FRONTEND=noninteractive

# Package scripts ask this program whether they may start a service; 101 means no. One that is already
# there (containers have it) stays as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

apt-get update -qq
apt-get install -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends "$@"

if [ -d /run/systemd/system ]; then
    for package in "$@"; do
        case $package in
        redis-server | prometheus) systemctl disable --quiet "$package" ;;
        esac
    done
fi
