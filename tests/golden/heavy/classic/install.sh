#!/bin/sh
# Installs one group of locked packages into a folder of its own: install.sh REQUIREMENTS FOLDER
# Every file must have the hash that the lock records; nothing else is installed.
set -eu
secrets=/run/secrets

if [ -f "$secrets/certificates" ]; then
    export SSL_CERT_FILE="$secrets/certificates"
fi
if [ -f "$secrets/netrc" ]; then
    export NETRC="$secrets/netrc"
fi
if [ -f "$secrets/uv.toml" ]; then
    export UV_CONFIG_FILE="$secrets/uv.toml"
fi

mkdir -p /envsnap/wheels "$2"
exec uv pip install \
    --python /opt/venv/bin/python --prefix "$2" \
    --no-deps --require-hashes --only-binary :all: \
    --index-strategy unsafe-best-match --find-links /envsnap/wheels \
    --compile-bytecode --link-mode copy --no-progress --requirement "$1"
