#!/bin/sh
# Says what this machine lacks to set up laambda, with the line that brings it. $1: the Python to use.
set -eu
missing=""
for tool in git ssh make; do command -v "$tool" >/dev/null || missing="$missing $tool"; done
missing=$(echo "$missing" | sed 's/ ssh/ openssh-client/')
if ! "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo " !     laambda needs Python 3.11 or newer; $1 is $("$1" --version 2>&1 || echo missing)." >&2
    missing="$missing python3 python3-venv"
elif ! "$1" -c 'import ensurepip, venv' 2>/dev/null; then
    missing="$missing python3-venv"
fi
[ -z "$missing" ] && exit 0
echo " !     Missing on this machine:$missing" >&2
echo "       Debian, Ubuntu:  sudo apt-get install -y$missing" >&2
exit 1
