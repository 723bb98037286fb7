"""The digest of a RECORD is the artefact's: the same however it was installed, another for other files."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.inside.probe.record import content_digest, content_rows


def test_the_digest_leaves_out_what_differs_between_installers() -> None:
    """A wheel and its installation, by whichever installer, have one digest."""
    wheel = "demo.py,sha256=a,1\ndemo-1.data/data/share/x,sha256=b,1\ndemo-1.data/scripts/tool,sha256=c,1\n"
    installed = (
        "../../../bin/tool,sha256=z,9\r\n../../../share/x,sha256=b,1\r\n__pycache__/demo.cpython-311.pyc,,\r\n"
        "demo-1.dist-info/INSTALLER,sha256=i,4\r\ndemo-1.dist-info/RECORD,,\r\ndemo.py,sha256=a,1\r\n"
    )

    assert content_digest(wheel) == content_digest(installed)
    assert 2 == content_digest(wheel)[1]
    assert ("", 0) == content_digest("demo-1.dist-info/RECORD,,\n")


def test_a_library_beside_the_interpreter_has_one_place() -> None:
    """The wheels of MPI put theirs into ``lib``: two folders above the modules, and not three."""
    data = "demo-1.data/data"
    wheel = f"demo.py,sha256=a,1\n{data}/lib/libmpi.so.12,sha256=b,1\n{data}/bin/mpiexec,sha256=c,1\n"
    installed = "../../../bin/mpiexec,sha256=c,1\n../../libmpi.so.12,sha256=b,1\ndemo.py,sha256=a,1\n"

    assert ["demo.py,sha256=a", "lib/libmpi.so.12,sha256=b"] == content_rows(wheel) == content_rows(installed)


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z]{1,5}\.py", fullmatch=True), st.sampled_from("abc")), min_size=1),
    st.randoms(),
)
def test_the_digest_depends_on_the_rows_and_not_on_their_order(rows: list[tuple[str, str]], order: Any) -> None:
    """Installers sort as they like; one changed hash is another digest."""
    lines = [f"{name},sha256={letter},1\n" for name, letter in rows]
    shuffled = list(lines)
    order.shuffle(shuffled)
    changed = [lines[0].replace("sha256=", "sha256=x"), *lines[1:]]

    assert content_digest("".join(lines)) == content_digest("".join(shuffled))
    assert content_digest("".join(lines)) != content_digest("".join(changed))


@pytest.mark.parametrize("name", ['a,"b".py', "line\nbreak.py", "next\x85line.py", "sep\u2028.py"])
def test_odd_names_are_one_row(name: str) -> None:
    """Only a newline outside of quotes ends a row."""
    quoted = '"' + name.replace('"', '""') + '"' if '"' in name or "\n" in name else name

    expected = hashlib.sha256(f"{name},sha256=a\nz.py,sha256=b".encode()).hexdigest()

    assert (expected, 2) == content_digest(f"{quoted},sha256=a,1\nz.py,sha256=b,1\n")


PATHS = st.sampled_from(
    [
        "a.py", "b/c.py", "x.pyc", "../../bin/t", "../../share/t", "bin/t", "include/x.h", "a-1.dist-info/RECORD",
        "a-1.dist-info/METADATA", "a-1.data/scripts/x", "a\\b.py", '"q,r.py"', "x,y.py", "", "a.pyc,b.py",
    ]
)  # fmt: skip
ENDS = st.sampled_from([",sha256=a,1", ",,", ",sha256=a", "", ",", ",sha256=a,"])


@given(st.lists(st.tuples(PATHS, ENDS)), st.sampled_from(["\n", "\r\n"]))
def test_rows_that_are_not_taken_apart_give_the_same_as_rows_that_are(rows: list[tuple[str, str]], end: str) -> None:
    """Most rows stand for themselves: a path of Windows among them makes all of them go the long way."""
    record = "".join(path + rest + end for path, rest in rows)
    mixed = record + f"win\\dows.py,sha256=w,1{end}"

    assert sorted([*content_rows(record), "win/dows.py,sha256=w"]) == content_rows(mixed)
