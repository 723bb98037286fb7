#!/bin/sh
# What `make package` does: builds the wheel, installs it into a fresh environment outside the checkout,
# and renders one template from there. package.sh PYTHON BIN
set -eu
python=$1
bin=$2
out=$(pwd)/dist
outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT

rm -rf "$out"
"$bin/uv" build --quiet --wheel --out-dir "$out" .
"$python" -m venv --without-pip "$outside/venv"
"$bin/python" -m pip --python "$outside/venv/bin/python" install --quiet --disable-pip-version-check "$out"/*.whl
cd "$outside"
venv/bin/envsnap --version
venv/bin/python - <<'SCRIPT'
from pathlib import Path

import envsnap
from envsnap.render.docker import render_template

assert Path(envsnap.__file__).is_relative_to(Path.cwd() / "venv"), envsnap.__file__
text = render_template("install.sh.j2", index_settings=[("UV_INDEX", "https://index.example/simple")], offline=False)
assert "export UV_INDEX='https://index.example/simple'" in text
shipped = sorted(path.name for path in (Path(envsnap.__file__).parent / "templates").rglob("*"))
assert shipped == ["Dockerfile.j2", "install.sh.j2"], shipped  # GitLab's component lies in templates/ for GitLab alone
print(f"rendered install.sh from {Path(envsnap.__file__).parent / 'templates'}: {len(text.splitlines())} lines")
SCRIPT
