"""What differs is drawn for people: by group, short, and without anything that steers a terminal."""

from envsnap.manifest.diff.locks import LockDiff, LockDifference, UncomparedFacts
from envsnap.manifest.diff.rebuilt import Difference
from envsnap.manifest.diff.rules import Group
from envsnap.report.lock_diff import render_differences, render_lock_diff

NAMES = ("old.lock", "new.lock")


def differs(
    what: str, group: Group, a: str | None = "1", b: str | None = "2", *, moves: bool = True, fact: str = ""
) -> LockDifference:
    """One difference."""
    return LockDifference(what=what, path=("packages", what, fact), group=group, moves_numbers=moves, a=a, b=b)


def lines(*differences: LockDifference, width: int = 100) -> list[str]:
    """Draw them, and give the lines that are not empty."""
    text = render_lock_diff(LockDiff(differences=differences), NAMES, color=False, width=width)
    return [line for line in text.splitlines() if line.strip()]


def test_groups_have_titles_and_sides_their_names() -> None:
    """What moves numbers stands under its group, the results after it, what cannot move them last."""
    found = lines(
        differs("numpy", "framework", "2.1.3", "2.2.1"),
        differs("MKL_CBWR", "flags", None, "AVX2"),
        differs("weights.npz", "results", moves=False),
        differs("branch", "code", "main", "dev", moves=False),
    )

    assert [
        ["what", "old.lock", "new.lock"],
        ["frameworks"],
        ["numpy", "2.1.3", "2.2.1"],
        ["variables", "and", "settings"],
        ["MKL_CBWR", "not", "there", "AVX2"],
        ["results", "of", "the", "runs"],
        ["weights.npz", "1", "2"],
        ["cannot", "change", "numbers"],
        ["branch", "main", "dev"],
        ["2", "differences", "can", "change", "numbers;", "the", "results", "differ;", "1", "cannot"],
    ] == [line.split() for line in found if "──" not in line]


def test_the_last_line_sums_up() -> None:
    """One sentence for every mixture."""
    move, other, result = differs("a", "cpu"), differs("b", "job", moves=False), differs("c", "results", moves=False)

    assert "1 difference can change numbers" == lines(move)[-1]
    assert "nothing differs that can change numbers; 1 other difference" == lines(other)[-1]
    assert "nothing differs that can change numbers; the results differ" == lines(result)[-1]
    assert ["no differences"] == lines()


def test_many_alike_that_cannot_move_numbers_are_one_row() -> None:
    """Two hundred packages from another index are no two hundred rows; those that can move numbers are never merged."""
    names = [f"package-{number}" for number in range(200)]
    alike = [differs(name, "record", "pip", "uv", moves=False, fact="installer") for name in names]
    mixed = [differs(name, "record", name, None, moves=False, fact="location") for name in names]

    found = lines(*alike, *mixed)
    moving = lines(*(differs(name, "packages", fact="version") for name in names))

    assert any(line.split() == ["installer", "of", "200", "packages", "pip", "uv"] for line in found)
    assert any(" ".join(line.split()) == "location of 200 packages 200 different ones not there" for line in found)
    assert len([line for line in found if "of 200 packages" in line]) == 2 == len(found) - 4
    assert all(any(line.split()[:1] == [name] for line in moving) for name in names)


def test_digests_are_short() -> None:
    """Twelve characters tell two apart; the commit's forty are one too."""
    found = lines(differs("commit", "code", "a" * 40, f"2.1, content {'b' * 64}"))

    assert any(line.split() == ["commit", "a" * 12, "2.1,", "content", "b" * 12] for line in found)


def test_nothing_in_a_lock_steers_the_terminal() -> None:
    """Neither a name nor a value nor a file's name does."""
    diff = LockDiff(
        differences=(differs("a\x1b[2J", "data", "b\x1b]0;t\x07", "c\u202e"),),
        not_compared=(UncomparedFacts(what=("d\r",), groups=(), reason="e\x9b"),),
    )

    text = render_lock_diff(diff, ("f\x1b", "g\x08"), color=False)

    assert not any(character in text for character in "\x1b\x07\u202e\r\x9b\x08")
    assert all(escaped in text for escaped in ("a\\x1b[2J", "\\u202e", "d\\r", "e\\x9b", "f\\x1b", "g\\x08"))


def test_what_is_the_same_takes_one_line() -> None:
    """What was not compared is no part of it, and says why."""
    note = UncomparedFacts(what=("results", "thread pools"), groups=("results",), reason="B: the job was not run")
    diff = LockDiff(same=("code", "interpreter", "record"), not_compared=(note,))

    text = render_lock_diff(diff, NAMES, color=False)

    assert [
        "same: code, interpreter",
        "not compared: results, thread pools (B: the job was not run)",
        "no differences",
    ] == text.splitlines()


def test_colour_only_where_it_is_asked_for() -> None:
    """A pipe gets none."""
    diff = LockDiff(differences=(differs("a", "cpu"),))

    assert "\x1b[" in render_lock_diff(diff, NAMES, color=True)
    assert "\x1b" not in render_lock_diff(diff, NAMES, color=False)


def test_each_difference_of_a_rebuilt_environment_is_a_row() -> None:
    """What differs stands beside both of its values."""
    text = render_differences([Difference(what="numpy", locked="2.0.0", found="2.1.0\x1b[2J")])

    assert ["what", "in", "the", "lock", "rebuilt"] == text.split()[:5]
    assert "\x1b" not in text
    assert any(line.split() == ["numpy", "2.0.0", "2.1.0\\x1b[2J"] for line in text.splitlines())
