import datetime as dt
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from envsnap.errors import CaptureError, InvalidFileError
from envsnap.manifest.job import Datum, Job, RelativePath
from envsnap.manifest.lockfile import dump_manifest, parse_manifest, plain, seal
from envsnap.manifest.manifest import Contents, Manifest
from envsnap.manifest.package import Artefact, InstalledRecord, Package
from envsnap.manifest.toml import Plain

WriteLock = Callable[..., str]

PLAIN: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(max_size=12),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    type(None): st.none(),
}


TOML_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.text(max_size=8),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.booleans(),
        st.datetimes(timezones=st.sampled_from([None, dt.UTC])),
        st.dates(),
        st.times(),
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=4,
)
OTHER_KEYS = st.dictionaries(st.text(max_size=6).map("x-{}".format), TOML_VALUES, min_size=1, max_size=2)


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type as the manifest's structs declare them: whatever may stand in a lock."""
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind, include_extras=True)
        return st.builds(kind, **{name: values_of(hint) for name, hint in hints.items()})
    return parametrised(kind)


def parametrised(kind: Any) -> st.SearchStrategy[Any]:
    arguments = get_args(kind)
    if kind == dict[str, object]:
        return OTHER_KEYS
    match get_origin(kind):
        case typing.Annotated:
            return annotated(kind)
        case typing.Literal:
            return st.sampled_from(arguments)
        case typing.Union | types.UnionType:
            return st.one_of(*map(values_of, arguments))
        case origin if origin is tuple:
            return st.lists(values_of(arguments[0]), max_size=2).map(tuple)
        case origin if origin is dict:
            return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=2)
        case _:
            message = f"no strategy for {kind}"
            raise TypeError(message)


def annotated(kind: Any) -> st.SearchStrategy[Any]:
    if kind is RelativePath:
        return st.sampled_from(["metrics.jsonl", "a/b c.json", "..a", "ä/ü"])
    inner, meta = get_args(kind)
    if meta.pattern is not None:
        return st.from_regex(meta.pattern, alphabet=st.characters(codec="ascii")).filter(
            lambda text: meta.max_length is None or len(text) <= meta.max_length
        )
    if inner is int:
        return st.integers(meta.ge or 0, meta.le or 2**63 - 1)
    return values_of(inner).filter(lambda value: len(value) >= (meta.min_length or 0))


def installable(package: Package) -> Package:
    """Give a package what every package in a lock has: a version, and a URL where it came from one."""
    record = replace(package.installed, evidence="none")
    return replace(package, version=package.version or "1.0", installed=record)


def two_orders(table: dict[str, str]) -> st.SearchStrategy[tuple[dict[str, str], dict[str, str]]]:
    return st.permutations(list(table.items())).map(lambda items: (table, dict(items)))


def any_contents() -> st.SearchStrategy[Contents]:
    packages = st.lists(values_of(Package).map(installable), max_size=2, unique_by=lambda package: package.name)
    hints = typing.get_type_hints(Contents, include_extras=True)
    others = {name: values_of(hint) for name, hint in hints.items() if name != "packages"}
    return st.builds(Contents, packages=packages.map(tuple), **others)


def sealed(contents: Contents) -> Manifest:
    return seal(contents, created_by="envsnap 0.1.0", created_at="2026-01-02T03:04:05Z")


def complaint(text: str) -> str:
    with pytest.raises(InvalidFileError) as caught:
        parse_manifest(text, source="envsnap.lock")
    return str(caught.value)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_contents())
def test_manifest_survives_the_file(contents: Contents) -> None:
    """Whatever can be sealed is read back as the same value, and written again as the same bytes."""
    manifest = sealed(contents)

    text = dump_manifest(manifest)
    parsed, warnings = parse_manifest(text, source="envsnap.lock")

    assert (manifest, ()) == (parsed, warnings)
    assert text == dump_manifest(parsed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), min_size=2).flatmap(two_orders))
@example(({"B": "", "A": ""}, {"A": "", "B": ""}))
def test_same_contents_give_the_same_bytes(contents: Contents, envs: tuple[dict[str, str], dict[str, str]]) -> None:
    """The order in which variables were found does not show."""
    one, other = (
        dump_manifest(sealed(replace(contents, job=Job(command=("true",), env=env), packages=()))) for env in envs
    )

    assert one == other


def test_lock_reads_well(contents: Contents) -> None:
    """It begins with who wrote it, keys are in kebab-case, what is absent has no line, a hash has a line of its own."""
    lines = dump_manifest(sealed(contents)).splitlines()

    assert "# Written by envsnap freeze. Commit it, review it, do not edit it." == lines[0]
    assert 'schema-version = "1.4"' == lines[1]
    assert "libc-version" in "".join(lines)
    assert "libc_version" not in "".join(lines)
    assert not [line for line in lines if "None" in line or "null" in line]
    assert f'sha256 = "{"12" * 32}"' in lines


@pytest.mark.parametrize("position", [0.2, 0.5, 0.9])
def test_edited_lock_is_refused(contents: Contents, position: float) -> None:
    """One changed character inside any value is noticed; the message says how to mend it."""
    text = dump_manifest(sealed(contents))
    at = text.index('= "', int(len(text) * position)) + 3
    edited = text[:at] + ("x" if text[at] != "x" else "y") + text[at + 1 :]

    assert complaint(edited).startswith("envsnap.lock: the contents do not match [snapshot].digest")


def test_comments_and_order_of_tables_are_free(contents: Contents) -> None:
    """The digest covers the values, not the layout: a formatter does no harm."""
    text = dump_manifest(sealed(contents)).replace("[build]", "# what to build on\n\n[build]")

    assert sealed(contents) == parse_manifest(text, source="envsnap.lock")[0]


@pytest.mark.parametrize("version", [None, 1, 1.0, "1", "1.0.0", "one.two", "1.-1", "¹.⁰", "1.0\n", "1." + "9" * 5000])
def test_schema_version_of_another_shape_is_refused(document: Plain, write_lock: WriteLock, version: object) -> None:
    text = write_lock(document, schema="absent" if version is None else version)

    assert "envsnap.lock: schema-version is missing or not like '1.4'" == complaint(text)


@pytest.mark.parametrize("version", ["0.9", "2.0", "10.0"])
def test_unknown_major_schema_is_refused(document: Plain, write_lock: WriteLock, version: str) -> None:
    """Another major means another meaning: nothing is guessed."""
    message = complaint(write_lock(document, schema=version))

    assert message.startswith(f"envsnap.lock: schema-version {version} is not known to this envsnap (1.4)")


def test_unknown_minor_schema_is_a_warning(contents: Contents, document: Plain, write_lock: WriteLock) -> None:
    """New keys of a newer minor are left out, the rest is read, and the user is told."""
    newer = document | {
        "novelty": {"a": 1},
        "platform": {**typing.cast("Plain", document["platform"]), "firmware": "x"},
    }

    manifest, warnings = parse_manifest(write_lock(newer, schema="1.7"), source="envsnap.lock")

    assert contents == manifest.contents
    assert ("envsnap.lock: written for schema 1.7, newer than 1.4; new keys are ignored",) == warnings
    assert "1.7" == manifest.schema_version


def test_unknown_key_of_the_known_schema_is_an_error(document: Plain, write_lock: WriteLock) -> None:
    document["platform"] = {**typing.cast("Plain", document["platform"]), "archi": "x"}

    assert "envsnap.lock: unknown key 'archi' in [platform]; did you mean 'arch'?" == complaint(write_lock(document))


@pytest.mark.parametrize(
    "text", ["", "not a lock", "\x00", "[job", "schema-version = '1.4'\n" + "[a" + ".a" * 900 + "]"]
)
def test_garbage_is_refused_with_the_file_it_stands_in(text: str) -> None:
    assert complaint(text).startswith("envsnap.lock: ")


def test_lock_without_snapshot_is_refused() -> None:
    message = complaint("schema-version = '1.4'\n[platform]\nsystem = 'Linux'")

    assert "envsnap.lock [snapshot]: Object missing required field `created-by`" == message


@pytest.mark.parametrize("digest", ["", "ab", "AB" * 32, "ab" * 32 + "\n"])
def test_snapshot_digest_of_another_shape_is_refused(document: Plain, write_lock: WriteLock, digest: str) -> None:
    """The digest is written into the image as a label."""
    text = write_lock(document, digest="\x01").replace('"\\u0001"', f'"{digest}"'.replace("\n", "\\n"))

    assert "[snapshot]: Expected `str` matching regex" in complaint(text)


@pytest.mark.parametrize("value", [dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.date(2026, 1, 2), dt.time(1, 2)])
def test_date_where_text_belongs_is_a_wrong_type(document: Plain, write_lock: WriteLock, value: object) -> None:
    """TOML has dates of its own; the lock writes them as text, and a digest over one must not crash."""
    document["platform"] = {**typing.cast("Plain", document["platform"]), "kernel": value}

    assert "at `platform.kernel`" in complaint(write_lock(document))


@pytest.mark.parametrize("value", [-1, 2**44])
def test_limit_that_no_machine_has_is_refused(document: Plain, write_lock: WriteLock, value: int) -> None:
    """A container would get it: an engine takes a negative one for none."""
    hardware = typing.cast("Plain", document["hardware"])
    document["hardware"] = {**hardware, "limits": {"open-files": value}}

    assert "open-files" in complaint(write_lock(document))


def test_package_that_is_listed_twice_is_refused(document: Plain, write_lock: WriteLock) -> None:
    """The second would hide the first from the comparison with a rebuilt environment."""
    packages = typing.cast("list[Plain]", document["packages"])
    document["packages"] = [*packages, packages[0]]

    assert "envsnap.lock: package numpy is listed twice" == complaint(write_lock(document))


def package(evidence: Literal["direct-url", "none"], **values: Any) -> Package:
    record = InstalledRecord(tags=(), evidence=evidence, content_digest="", location="")
    return Package(name="thing", installed=record, **values)


WHEEL = Artefact(name="thing-1-py3-none-any.whl", hashes={"sha256": "ab" * 32}, path=".envsnap/wheels/thing-1.whl")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (package("none"), "package thing has no version"),
        (package("direct-url", version="1"), "was installed from a URL and its wheel names none"),
        (package("direct-url", version="1", wheels=(WHEEL,)), "was installed from a URL and its wheel names none"),
    ],
)
def test_package_that_no_line_can_require_is_refused(
    contents: Contents, write_lock: WriteLock, document: Plain, wrong: Package, reason: str
) -> None:
    """Neither is such a lock read, nor is it written."""
    document["packages"] = [plain(wrong)]

    assert reason in complaint(write_lock(document))
    with pytest.raises(CaptureError, match=reason):
        sealed(replace(contents, packages=(wrong,)))


def test_facts_that_could_not_be_read_back_are_never_locked(contents: Contents) -> None:
    """A lock that nobody can read is worse than none: freeze stops and says which fact it is."""
    bad = replace(contents.packages[0], version="1.0\n")

    with pytest.raises(CaptureError, match=r"cannot be locked: .* at `packages\[0\]\.version`") as caught:
        sealed(replace(contents, packages=(bad,)))
    assert 4 == caught.value.exit_code


def test_name_that_is_no_unicode_is_told_where_it_stands(contents: Contents) -> None:
    """A file name on Linux may hold any bytes; TOML is Unicode."""
    datum = Datum(path="data/caf\udce9.csv", size=1, sha256="ab" * 32)

    with pytest.raises(CaptureError, match=r"not valid Unicode at .*caf"):
        sealed(replace(contents, data=(datum,)))
