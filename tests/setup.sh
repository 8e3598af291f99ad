#!/bin/bash
# Brings the Debian packages that some tests need: as root it installs what is missing (APT=0: never), otherwise it
# says which tests will be skipped for it. No system service is started; what runs, the tests start themselves.
set -euo pipefail

missing=()
need() { # package, what tells that it is here, the tests that are skipped without it
    if ! compgen -G "$2" >/dev/null; then
        missing+=("$1")
        skipped+=("$1: $3")
    fi
}
skipped=()
need postgresql '/usr/lib/postgresql/*/bin/initdb' 'every test on PostgreSQL'
need redis-server '/usr/bin/redis-server' 'every test on Redis itself (Valkey is always there)'
need debootstrap '/usr/sbin/debootstrap' 'tests/e2e/test_fresh_machine.py'

[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || [ "${APT:-1}" = 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not on this machine, so these tests will be skipped:"
    printf '    %s\n' "${skipped[@]}"
    echo "To have them: sudo apt-get install -y --no-install-recommends ${missing[*]}"
    exit 0
fi

echo "Installing for the tests: ${missing[*]} (APT=0 make test: never)"
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    # Exit code 101 tells every package's installation not to start a service (invoke-rc.d(8)).
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 30 "$log"
    echo " !     apt-get failed, the whole log is $log"
    exit 1
fi
rm -f "$log"
