#!/bin/sh
# What `make demo` does: demo.sh BIN WORK [TARGET]
# Copies examples/digits to WORK, gives it a virtual environment of its own, and takes it through the three commands.
set -eu
bin=$(cd "$1" && pwd)
work=$2
target=${3:-}
python=${PYTHON:-python3}
example=$(cd "$(dirname "$0")/digits" && pwd)

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

rm -rf "$work"
mkdir -p "$work"
cp -R "$example" "$work/digits"
cd "$work/digits"

say "An environment for the job: $work/digits/.venv"
"$python" -m venv --without-pip .venv
"$bin/python" -m pip --python .venv/bin/python install --quiet --disable-pip-version-check -r requirements.txt

if [ -z "$target" ]; then
    version=$(.venv/bin/python -c 'import platform; print(platform.python_version())')
    if ! docker info >/dev/null 2>&1; then
        target=venv
        say "No container engine answers: the demo rebuilds into a virtual environment."
    elif ! docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -q "^python:$version-slim" &&
        ! docker pull --quiet "python:$version-slim" >/dev/null 2>&1; then
        target=venv
        say "A container engine answers, but has no python:$version-slim image and cannot pull one:" \
            "the demo rebuilds into a virtual environment."
    else
        target=docker
        say "A container engine answers: the demo rebuilds into a container."
    fi
fi

say "\$ envsnap freeze"
"$bin/envsnap" freeze --python .venv/bin/python
say "\$ envsnap build --target $target"
"$bin/envsnap" build --target "$target"
say "\$ envsnap verify --target $target"
"$bin/envsnap" verify --target "$target"
