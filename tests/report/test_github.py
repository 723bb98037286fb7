"""What GitHub is told says what failed; no text of a job can format, link, hide or command anything there."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from envsnap.manifest.verdict import ItemVerdict, OutputVerdict, Status, Verdict
from envsnap.report.github import (
    SUMMARY_BYTES,
    SummaryFacts,
    annotations,
    failed_outputs,
    failure_annotation,
    inert_json,
    inert_lines,
    inert_markdown,
    render_failure,
    render_outputs,
    render_summary,
)
from envsnap.report.printable import printable

COMMANDS = ("error", "warning", "notice", "stop-commands", "add-mask", "set-output", "group", "debug")
EVIL = (
    "::error::gotcha",
    "  ::stop-commands::pause",
    "##[error]gotcha",
    "a\n::error::gotcha",
    "a\r::error::gotcha",
    "a%0A::error::gotcha",
    "</code><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "`x` | y | z\n| - | - |",
    "[link](https://evil.example) ![i](https://evil.example/i.png)",
    "# heading\n\n- list\n\n---",
    "https://evil.example www.evil.example",
    "**bold** __bold__ ~~gone~~ \\* &amp; &#42;",
    "<!-- ",
    "</details>",
    "a\x1b[31m\u202eb\ud800",
    "file=x,line=1::m",
)
TEXTS = st.sampled_from(EVIL) | st.text() | st.text(alphabet="`|*_#<>&:[]()!\\\n\r%\"'-~=+.@/ a1")


def verdict_of(name: str = "a.json", reason: str = "too far", status: Status = "fail", count: int = 1) -> Verdict:
    item = ItemVerdict(name=name, status=status, reason=reason, count=3, beyond=1, max_absolute=0.5)
    output = OutputVerdict(path=name, format="json", status=status, items=(item,))
    return Verdict(status=status, outputs=(output,) * count, reason=reason, notes=(reason,))


def summary(verdict: Verdict, text: str = "digits", room: int = SUMMARY_BYTES) -> str:
    facts = SummaryFacts(project=text, environment=text, seconds=(1.0, 2.0), digest="a" * 64)
    return render_summary(verdict, facts, room=room)


class Page(HTMLParser):
    """The tags and the text of a page as a browser sees them."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag + "".join(f" {name}" for name, _ in attrs))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.tags.append(f"!{data}")

    def handle_data(self, data: str) -> None:
        self.text += data


def commands(log: str) -> list[str]:
    """Return the commands that the runner finds in a log: src/Runner.Common/ActionCommand.cs, both versions."""
    found = []
    for line in re.split(r"\r\n|\r|\n", log):
        new = re.match(r"::([^ :]+)( [^\x00]*?)?::", line.strip(), re.DOTALL)
        old = re.search(r"##\[([^\] ]+)", line)
        found += [match[1] for match in (new or old,) if match]
    return found


@given(TEXTS)
@example("::error::x")
def test_log_holds_no_command_of_a_job(text: str) -> None:
    """Whatever a job prints or calls itself, the runner sees a line of text; other text stays as it is."""
    assert [] == commands(inert_lines(text))
    assert [] == commands(inert_json(json.dumps({"name": text})))
    assert {"name": text} == json.loads(inert_json(json.dumps({"name": text})))


def test_harmless_lines_stay_as_they_are() -> None:
    """Only what the runner would obey is spelled in another way."""
    assert "a::b\n # [x] std::cout" == inert_lines("a::b\n # [x] std::cout")
    assert r"\x3a:error::x" == inert_lines("::error::x")
    assert r"a #\x23[error]x" == inert_lines("a ##[error]x")


@given(TEXTS, TEXTS)
def test_annotation_is_one_command(name: str, reason: str) -> None:
    """One line, one command, with the properties that were meant."""
    for line in (*annotations(verdict_of(name, reason), "envsnap.toml"), failure_annotation("verify", reason, "")):
        head, title, data = re.fullmatch(r"::error ((?:file=[^:,]*,)?)title=([^:,]*)::(.*)", line).groups()  # type: ignore[union-attr]

        assert ["error"] == commands(line)
        assert head in ("file=envsnap.toml,", "")
        assert not re.search(r"%(?!25|0A)", data)
        assert title == printable(title)


def test_annotation_says_what_differs_in_which_output() -> None:
    """The title names the output, the message the worst items."""
    items = tuple(ItemVerdict(name=f"m{i}", status="fail", reason="50% off", beyond=i) for i in range(5))
    verdict = Verdict(status="fail", outputs=(OutputVerdict(path="a:b", format="csv", status="fail", items=items),))

    (line,) = annotations(verdict, "jobs/a/envsnap.toml")

    assert line == (
        "::error file=jobs/a/envsnap.toml,title=a%3Ab%3A fail"
        "::m4: 50%25 off%0Am3: 50%25 off%0Am2: 50%25 off%0Aand 2 items more"
    )


@pytest.mark.parametrize(("count", "lines"), [(1, 1), (9, 9), (10, 10), (1000, 10)])
def test_annotations_are_nine_and_the_count_of_the_others(count: int, lines: int) -> None:
    """GitHub drops the eleventh of a step without a word."""
    told = annotations(verdict_of(count=count), "")

    assert lines == len(told)
    assert count <= 9 or f"and {count - 9} output" in told[-1]


def test_pass_is_not_annotated_and_no_outputs_are() -> None:
    """A fail without any output is one error: the whole has a reason."""
    assert () == annotations(verdict_of(status="pass"), "")
    assert ("::error title=envsnap verify::nothing",) == annotations(
        Verdict(status="fail", outputs=(), reason="nothing"), ""
    )


@given(TEXTS, TEXTS)
def test_summary_shows_text_as_text(name: str, reason: str) -> None:
    """The page has the elements that harmless names give, no other, and shows what was said."""
    harmless = Page(summary(verdict_of("n" if name else "", "r" if reason.strip() else ""), "p"))
    page = Page(summary(verdict_of(name, reason), name))

    assert harmless.tags == page.tags
    assert [] == commands(summary(verdict_of(name, reason), name))


def test_summary_shows_every_sign() -> None:
    """What is inert is not lost: a reader sees the name as it is."""
    shown = Page(inert_markdown("*a* `b` <c> | d & e\n::f::", 300)).text

    assert r"*a* `b` <c> | d & e\n::f::" == shown.strip()


@given(TEXTS)
def test_failure_shows_text_as_text(message: str) -> None:
    """An error's message holds the last lines of a job."""
    tags = set(Page(render_failure("verify", 6, message, room=SUMMARY_BYTES)).tags)

    assert {"h2", "/h2", "blockquote", "/blockquote", "p", "/p", "br"} >= tags


def test_summary_tells_the_worst_first() -> None:
    """Fail before inconclusive before pass; within these, more values beyond before fewer."""
    items = {
        "few": ItemVerdict(name="few", status="fail", beyond=1),
        "many": ItemVerdict(name="many", status="fail", beyond=7),
        "open": ItemVerdict(name="open", status="inconclusive"),
        "fine": ItemVerdict(name="fine", status="pass"),
    }
    outputs = tuple(
        OutputVerdict(path=f"{name}.json", format="json", status=item.status, items=(item,))
        for name, item in sorted(items.items())
    )

    text = summary(Verdict(status="fail", outputs=outputs, reason="why"))

    assert ["many", "few", "open", "fine"] == re.findall(r"<code>(\w+)</code> \| [0-9]", text)
    assert '["many.json", "few.json", "open.json"]' == failed_outputs(
        Verdict(status="fail", outputs=outputs, reason="why")
    )


def test_passing_items_of_one_output_are_one_row() -> None:
    """A model of hundreds of tensors does not hide what failed."""
    items = tuple(ItemVerdict(name=f"t{i}", status="pass", count=2) for i in range(6))
    verdict = Verdict(status="pass", outputs=(OutputVerdict(path="m", format="npz", status="pass", items=items),))

    assert "| ✅ pass | <code>m</code> | <code>6 items</code> | 12 | 0 |" in summary(verdict)


@given(st.integers(0, 3 * 2**10) | st.just(SUMMARY_BYTES), st.integers(0, 300), TEXTS)
def test_summary_never_takes_more_than_its_room(room: int, count: int, text: str) -> None:
    """GitHub throws the whole summary away above 1 MiB."""
    assert room >= len(summary(verdict_of(text, text, count=count), room=room).encode())
    assert room >= len(render_failure("verify", 6, text * 9, room=room).encode())


def test_summary_of_very_many_outputs_says_how_many_are_left_out() -> None:
    """What did not fit is counted."""
    text = summary(verdict_of("n" * 200, "r" * 1000, count=2000))
    shown = text.count("❌ fail")
    (left,) = re.findall(r"and ([0-9]+) rows more", text)

    assert SUMMARY_BYTES - 2000 < len(text.encode()) <= SUMMARY_BYTES
    assert 2000 == shown + int(left)


@given(st.dictionaries(st.sampled_from(["verdict", "junit"]), TEXTS))
def test_outputs_read_back(values: dict[str, str]) -> None:
    """No value ends itself and begins another: https://docs.github.com/en/actions/reference, "Multiline strings"."""
    lines, found = iter(render_outputs(values, "end-1f").split("\n")), {}
    for head in lines:
        name, _, delimiter = head.partition("<<")
        if name:
            found[name] = "\n".join(iter(lines.__next__, delimiter))

    assert values == found


def test_delimiter_in_a_value_is_refused() -> None:
    """It is random, and a job that guesses it writes no output of its own."""
    with pytest.raises(ValueError, match="stands in a value"):
        render_outputs({"verdict": "a\nend-1f\nverdict=pass"}, "end-1f")
