#!/bin/sh
# Makes .venv from the pinned requirements: the one set-up step of every make target. It takes minutes.
set -eu
export PIP_USER=0  # a virtual environment has no user site
cd "$(dirname "$0")/.."

works() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
can_make_venvs() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# Lambda runs Python 3.13, so that one comes first; then whatever `python3` is.
python=
for candidate in python3.13 python3 python3.14 python3.12 python3.11; do
    if works "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "hongyan: needs Python 3.11 or newer on the PATH (on Debian: apt-get install python3 python3-venv)" >&2
    exit 1
fi

if ! can_make_venvs "$python"; then
    if [ "$(id -u)" != 0 ]; then
        echo "hongyan: $python cannot make virtual environments; as root: apt-get install python3-venv" >&2
        exit 1
    fi
    echo "hongyan: installing python3-venv"
    { apt-get update -q && apt-get install -q -y --no-install-recommends python3-venv; } >/dev/null
fi

if [ ! -x .venv/bin/python ] || ! works .venv/bin/python; then
    echo "hongyan: making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi
echo "hongyan: installing pinned packages into .venv (first time: several minutes, about 1.2 GB on disk)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
.venv/bin/python -m cdk.build.kept_wheels  # last, so that nothing later needs a network to synthesize the stacks
touch .venv/ready
