#!/usr/bin/env bash
# The steps of action.yml. Inputs come as variables INPUT_NAME, and are never text of a command.
set -euo pipefail

readonly tool="$RUNNER_TEMP/envsnap-tool"

main() {
    case "$1" in
        install) install_tool ;;
        gate) gate ;;
        *) fail "no such step: $1" ;;
    esac
}

fail() {
    printf 'envsnap action: %s\n' "$1" >&2
    exit 2
}

install_tool() {
    local package="$GITHUB_ACTION_PATH"
    [[ -z $INPUT_VERSION ]] || package="envsnap==$INPUT_VERSION"
    "$INPUT_PYTHON" -m venv "$tool"
    "$tool/bin/python" -m pip install --quiet --disable-pip-version-check -- "$package"
}

gate() {
    local options=(--project "$INPUT_PROJECT") status=0
    [[ -z $INPUT_TARGET ]] || options+=(--target "$INPUT_TARGET")
    [[ -z $INPUT_BUNDLE ]] || options+=(--bundle "$INPUT_BUNDLE")
    [[ $INPUT_COMMAND =~ ^(build|verify)$ ]] || fail "command is build or verify, not $INPUT_COMMAND"
    [[ $INPUT_FAIL_ON =~ ^(inconclusive|differs|never)$ ]] || fail "fail-on is inconclusive, differs or never"
    [[ -z $INPUT_REGISTRY ]] || pull_image
    "$INPUT_COMMAND" || status=$?
    case "$status" in
        0 | 1 | 3) [[ -z $INPUT_REGISTRY ]] || push_image ;; # the image was proven equal to the lock
    esac
    case "$INPUT_FAIL_ON-$status" in
        never-1 | never-3 | differs-3) status=0 ;;
    esac
    return "$status"
}

build() {
    local status=0
    "$tool/bin/envsnap" build "${options[@]}" ${INPUT_LOCK:+"$INPUT_LOCK"} || status=$?
    if ((status != 0)); then # envsnap verify, which tells outputs itself, is not run then
        printf 'verdict=error\nexit-code=%d\n' "$status" >>"$GITHUB_OUTPUT"
    fi
    return "$status"
}

verify() {
    local words=()
    # xargs knows quotes and nothing else of a shell
    xargs -r true <<<"$INPUT_ARGS" || fail "args: a quote is not closed"
    mapfile -d '' -t words < <(xargs -r printf '%s\0' <<<"$INPUT_ARGS")
    [[ -z $INPUT_PROFILE ]] || options+=(--profile "$INPUT_PROFILE")
    "$tool/bin/envsnap" verify "${options[@]}" --report "$INPUT_REPORT" "${words[@]}" ${INPUT_LOCK:+"$INPUT_LOCK"}
}

# Prints the name that build gives the lock's image: envsnap/PROJECT:DIGEST.
image_name() {
    "$tool/bin/python" - "$INPUT_PROJECT" "${INPUT_LOCK:-$INPUT_PROJECT/envsnap.lock}" <<'PYTHON'
import sys
from pathlib import Path
from envsnap.manifest.lockfile import parse_manifest
from envsnap.workflow.environments import image_tag

project, lock = map(Path, sys.argv[1:])
print(image_tag(project, parse_manifest(lock.read_text(encoding="utf-8"), source=str(lock))[0]))
PYTHON
}

pull_image() {
    local image
    image="$(image_name)"
    remote="$INPUT_REGISTRY/${image#envsnap/}"
    if docker pull --quiet "$remote"; then
        docker tag "$remote" "$image"
    else
        printf 'envsnap action: %s is not there yet\n' "$remote" >&2
    fi
}

push_image() {
    docker tag "$(image_name)" "$remote"
    docker push --quiet "$remote"
}

remote=""
main "$@"
