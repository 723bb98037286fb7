"""A builder's output becomes steps; an error names the failing step and shows the end of its log."""

from envsnap.build.builder_log import (
    TAIL_LINES,
    BuildEvent,
    BuildKitLog,
    ClassicLog,
    Step,
    StepFinished,
    StepLog,
    StepStarted,
)

RUN = Step("RUN pip install", 2, 3)


def read_buildkit(*lines: str) -> tuple[list[BuildEvent], BuildKitLog]:
    """Feed the lines; return the events and the log."""
    log = BuildKitLog()
    return [event for line in lines for event in log.feed(line)], log


def read_classic(*messages: dict[str, object]) -> tuple[list[BuildEvent], ClassicLog]:
    """Feed the messages; return the events and the log."""
    log = ClassicLog()
    events = [event for message in messages for event in log.feed(message)]
    return events + list(log.finish()), log


def test_buildkit_step_is_followed() -> None:
    """A step starts, prints and ends; its digest and repeated headings are no output."""
    events, _ = read_buildkit(
        "#5 [builder 2/3] RUN pip install",
        "#5 sha256:8aa6",
        "#5 0.215 \x1b[1mDONE 0.1s\x1b[0m",
        "",
        "#5 [builder 2/3] RUN pip install",
        "#5 ...",
        "#5 DONE 0.4s",
    )

    assert [StepStarted(RUN), StepLog(RUN, "DONE 0.1s"), StepFinished(RUN, 0.4)] == events


def test_buildkit_steps_that_run_at_once_are_told_apart() -> None:
    """Lines belong to the step whose number they carry."""
    other = Step("COPY . .", 1, 2)

    events, _ = read_buildkit("#5 [2/3] RUN pip install", "#6 [b 1/2] COPY . .", "#5 1.0 five", "#6 CACHED")

    expected = [StepStarted(RUN), StepStarted(other), StepLog(RUN, "five"), StepFinished(other, cached=True)]
    assert expected == events


def test_buildkit_failure_shows_the_failing_step_only() -> None:
    """What other steps print at the same time is not in the error, and credentials never are."""
    _, log = read_buildkit(
        "#5 [2/3] RUN pip install",
        "#6 [b 1/2] COPY . .",
        "#5 0.1 from https://me:pw@index.example/simple",
        "#6 0.1 unrelated",
        "#5 ERROR: exit code: 1",
        "#6 ERROR: context canceled",
        "------",
    )

    expected = "step 2 of 3 'RUN pip install' failed: exit code: 1\n    from https://***@index.example/simple"
    assert expected == log.failure()


def test_buildkit_failure_outside_a_step_shows_what_was_printed() -> None:
    """A Dockerfile that cannot be parsed fails before any step."""
    _, log = read_buildkit("#1 [internal] load build definition", "failed to solve: unknown instruction: FORM")

    assert "'docker build' failed: the builder failed\n    failed to solve: unknown instruction: FORM" == log.failure()


def test_error_shows_the_end_of_a_long_log() -> None:
    """Thirty lines are enough to see why, and few enough to read."""
    lines = [f"#5 0.1 line {number}" for number in range(100)]

    _, log = read_buildkit("#5 [2/3] RUN pip install", *lines, "#5 ERROR: no")

    first, *tail = log.failure().splitlines()
    assert "step 2 of 3 'RUN pip install' failed: no" == first
    assert [f"    line {number}" for number in range(100 - TAIL_LINES, 100)] == tail


def test_classic_steps_are_followed() -> None:
    """Lines that arrive in parts are put together; the builder's own remarks are no output."""
    base = Step("FROM base", 1, 2)
    run = Step("RUN pip install", 2, 2)

    events, log = read_classic(
        {"stream": "Step 1/2 : FROM base"},
        {"stream": "\n"},
        {"stream": " ---> aaaaaaaaaaaa\n"},
        {"stream": "Step 2/2 : RUN pip install\n ---> Running in cccccccccccc\n"},
        {"stream": "hel"},
        {"stream": "lo\n"},
        {"stream": "Removing intermediate container cccccccccccc\n ---> bbbbbbbbbbbb\n"},
        {"aux": {"ID": "sha256:b"}},
        {"stream": "Successfully built bbbbbbbbbbbb\n"},
    )

    expected = [StepStarted(base), StepFinished(base), StepStarted(run), StepLog(run, "hello"), StepFinished(run)]
    assert expected == events
    assert not log.failed


def test_classic_images_leave_out_the_base() -> None:
    """The base that FROM names is nobody's leftover."""
    _, log = read_classic(
        {"stream": "Step 1/2 : FROM base\n ---> aaaaaaaaaaaa\n"},
        {"stream": "Step 2/2 : COPY a b\n ---> Using cache\n ---> bbbbbbbbbbbb\n"},
    )

    assert ["bbbbbbbbbbbb"] == log.images


def test_classic_cached_step_says_so() -> None:
    """The cache serves one step, not those after it."""
    first, second = Step("RUN a", 1, 2), Step("RUN b", 2, 2)

    events, _ = read_classic({"stream": "Step 1/2 : RUN a\n ---> Using cache\n"}, {"stream": "Step 2/2 : RUN b\n"})

    finished = [event for event in events if isinstance(event, StepFinished)]
    assert [StepFinished(first, cached=True), StepFinished(second)] == finished


def test_classic_failure_names_the_step() -> None:
    """The engine's error comes without the log: both are shown."""
    _, log = read_classic({"stream": "Step 1/2 : RUN make\nno rule\n"}, {"error": "returned a non-zero code: 2"})

    assert log.failed
    assert "step 1 of 2 'RUN make' failed: returned a non-zero code: 2\n    no rule" == log.failure()
