"""Every format of ``envsnap export``: the same manifest gives the same bytes, and no text in it adds a line."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from packaging.pylock import Pylock

from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.manifest import Conda, CondaPackage, Manifest, Snapshot
from envsnap.manifest.package import Artefact, Package, Vcs
from envsnap.render.conda_explicit import render_conda_explicit
from envsnap.render.conda_lock import render_conda_lock
from envsnap.render.cyclonedx import render_cyclonedx
from envsnap.render.environment_yml import render_environment_yml
from envsnap.render.export_file import ExportFile, ExportPlace
from envsnap.render.pylock import render_pylock
from envsnap.render.requirements_file import render_requirements_file

Golden = Callable[[str, str], str]
GOLDEN = Path(__file__).parent.parent / "golden" / "export"
PLACE = ExportPlace(lock_folder="../project", name="project")
FORMATS: dict[str, Callable[[Manifest], ExportFile]] = {
    "pylock.toml": lambda manifest: render_pylock(manifest, PLACE),
    "requirements.txt": lambda manifest: render_requirements_file(manifest, PLACE),
    "environment.yml": lambda manifest: render_environment_yml(manifest, PLACE),
    "explicit.txt": render_conda_explicit,
    "conda-lock.yml": render_conda_lock,
    "bill.cdx.json": lambda manifest: render_cyclonedx(manifest, PLACE),
}
OF_CONDA = {"explicit.txt", "conda-lock.yml"}
CASES = ("small", "everything", "conda", "mixed")
WANTED = [(case, name) for case in CASES for name in FORMATS if name not in OF_CONDA or case in {"conda", "mixed"}]


@pytest.mark.parametrize(("case", "name"), WANTED)
def test_text_is_the_golden_one(case: str, name: str, exports: dict[str, Manifest], golden: Golden) -> None:
    """The order in which the packages were found does not show either."""
    manifest = exports[case]
    contents = manifest.contents
    conda = Conda(packages=contents.conda.packages[::-1]) if contents.conda else None
    backwards = replace(contents, packages=contents.packages[::-1], conda=conda)

    text = FORMATS[name](manifest).text

    assert golden(f"export/{case}/{name}", text) == text
    assert text == FORMATS[name](replace(manifest, contents=backwards)).text


def test_golden_files_are_all_rendered() -> None:
    """No golden file outlives the case that it belongs to."""
    written = {str(file.relative_to(GOLDEN)) for file in GOLDEN.rglob("*") if file.is_file()}

    assert {f"{case}/{name}" for case, name in WANTED} == written


@pytest.mark.parametrize("name", FORMATS)
def test_every_package_is_held_or_named(name: str, exports: dict[str, Manifest]) -> None:
    """With the reason; a bill of materials holds every one, and tells of conda's numpy as conda and Python have it."""
    exported = FORMATS[name](exports["mixed"])

    pythons, condas = {"tqdm", "extra", "own-tools"}, {"numpy", "python", "tzdata", "libblas"}
    expected = {
        "pylock.toml": condas,
        "requirements.txt": condas,
        "environment.yml": set(),
        "explicit.txt": pythons,
        "conda-lock.yml": {"own-tools"},
        "bill.cdx.json": set(),
    }[name]
    assert expected == {one.name for one in exported.left_out}
    assert all(one.reason for one in exported.left_out)
    if name != "bill.cdx.json":
        assert len(pythons | condas) == exported.packages + len(expected)


ANY = st.text(max_size=20) | st.sampled_from(
    ["\n-r evil", "x\n@EXPLICIT", "a --index-url https://evil.example", "a\r-e ."]
)
WORD = st.from_regex(r"[a-z0-9]{1,5}", fullmatch=True)
URL = st.from_regex(r"https?://[^\s\x00-\x1f\x7f'\"\\$`;#]{1,20}\Z", fullmatch=True)
INDEX = st.from_regex(r"https?://[^/@\s\x00-\x1f\x7f'\"\\$`]{1,9}(/[^\s\x00-\x1f\x7f'\"\\$`]{0,9})?\Z", fullmatch=True)
VERSION = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,9}\Z", fullmatch=True)


@st.composite
def packages(draw: st.DrawFn, template: Package) -> Package:
    """A package as the manifest's patterns let it be; what has no pattern is any text."""
    evidence = draw(st.sampled_from(["direct-url", "local-file", "none"]))
    wheel = Artefact(name=draw(VERSION), hashes={"sha256": "ab" * 32}, url=draw(URL), upload_time=draw(ANY))
    if evidence == "local-file":
        wheel = replace(wheel, url=None, path=f".envsnap/wheels/{draw(VERSION)}")
    record = replace(template.installed, evidence=evidence, reason=draw(ANY), location=draw(ANY), owner=draw(ANY))
    vcs = draw(st.none() | st.builds(Vcs, type=ANY, url=ANY, commit_id=ANY))
    wheels = () if evidence == "none" else (wheel,)
    return replace(template, name=draw(WORD), version=draw(VERSION), wheels=wheels, installed=record, vcs=vcs)


CONDAS = st.builds(
    CondaPackage,
    name=WORD | ANY,
    version=WORD | ANY,
    build=WORD | ANY,
    channel=ANY,
    subdir=st.sampled_from(["linux-64", "noarch"]) | ANY,
    url=st.from_regex(r"https://c\.example/x/linux-64/[a-z]{1,3}\.conda", fullmatch=True) | ANY,
    sha256=st.just("ab" * 32) | ANY,
    md5=st.just("cd" * 16) | ANY,
    depends=st.none() | st.tuples(ANY, ANY),
    overwritten_by=st.none() | ANY,
)


@st.composite
def hostile(draw: st.DrawFn, template: Manifest) -> Manifest:
    """A manifest with any text wherever one can hold any."""
    drawn = draw(st.lists(packages(template.contents.packages[0]), max_size=3, unique_by=lambda item: item.name))
    build = BuildSpec(index_url=draw(st.none() | INDEX), extra_index_urls=draw(st.tuples(INDEX) | st.just(())))
    conda = Conda(packages=tuple(draw(st.lists(CONDAS, max_size=3))))
    contents = replace(template.contents, packages=tuple(drawn), build=build, conda=conda)
    snapshot = Snapshot(created_by=draw(ANY), created_at=draw(ANY), digest="ab" * 32)
    return replace(template, contents=contents, snapshot=snapshot)


REQUIREMENT = re.compile(
    r"# [^\n\r]*|--extra-index-url https?://\S+|--find-links \.\./project/\.envsnap/wheels"
    r"|[a-z0-9-]+(==[A-Za-z0-9.!+_-]+| @ https?://[^\s;#$]+) --hash=sha256:[0-9a-f]{64}"
)
EXPLICIT = re.compile(
    r"# [^\n\r]*|@EXPLICIT|(https?|file)://[^\s#$]+\.(conda|tar\.bz2)#(sha256:[0-9a-f]{64}|[0-9a-f]{32})"
)


@pytest.mark.parametrize(
    ("name", "line"), [("requirements.txt", REQUIREMENT), ("explicit.txt", EXPLICIT)], ids=["requirements", "explicit"]
)
@given(data=st.data())
def test_no_text_in_a_manifest_adds_a_line_or_an_option(
    name: str, line: "re.Pattern[str]", exports: dict[str, Manifest], data: st.DataObject
) -> None:
    """Each line is one that the format has a word for, and there are no more than there are packages and indexes."""
    manifest = data.draw(hostile(exports["small"]))

    text = FORMATS[name](manifest).text

    lines = text.splitlines()
    assert [one for one in lines if not line.fullmatch(one)] == []
    assert sum(not one.startswith(("#", "-", "@EXPLICIT")) for one in lines) <= FORMATS[name](manifest).packages


@given(data=st.data())
def test_no_text_in_a_manifest_adds_a_dependency(exports: dict[str, Manifest], data: st.DataObject) -> None:
    """environment.yml is read back as it was meant: strings, and one table for pip."""
    import yaml

    manifest = data.draw(hostile(exports["small"]))

    exported = render_environment_yml(manifest, PLACE)
    document = yaml.safe_load(exported.text)

    assert {"name", "dependencies"} <= document.keys() <= {"name", "channels", "dependencies"}
    specs = [item for item in document["dependencies"] if isinstance(item, str)]
    assert all(re.fullmatch(r"pip|[a-z0-9_][a-z0-9_.-]*=[A-Za-z0-9!+._-]+(=[A-Za-z0-9_.+-]+)?", spec) for spec in specs)


@given(data=st.data())
def test_every_pylock_is_valid(exports: dict[str, Manifest], data: st.DataObject) -> None:
    """By packaging's own reader; what it would refuse is named instead."""
    manifest = data.draw(hostile(exports["small"]))

    exported = render_pylock(manifest, PLACE)
    pylock = Pylock.from_dict(tomllib.loads(exported.text))
    pylock.validate()

    assert exported.packages == len(pylock.packages)
    condas = len(manifest.contents.conda.packages) if manifest.contents.conda else 0
    by_conda = sum(package.installed.owner == "conda" for package in manifest.contents.packages)
    assert len(manifest.contents.packages) - by_conda + condas == exported.packages + len(exported.left_out)
