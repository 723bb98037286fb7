"""What a builder prints, told as steps: which one runs, what it says, how long it takes, which fails. Pure."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from envsnap.host.credentials import mask_credentials

TAIL_LINES = 30
"""How much of a failing step's log an error shows."""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: ``number`` of ``total`` within its stage, or 0 of 0 for the builder's own work."""

    name: str
    number: int = 0
    total: int = 0

    def __str__(self) -> str:
        return f"step {self.number} of {self.total} '{self.name}'" if self.total else f"'{self.name}'"


@dataclass(slots=True)
class _RunningStep:
    """One step while it is followed, with the end of its log."""

    step: Step
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))

    def log(self, line: str) -> str:
        clean = mask_credentials(_ANSI.sub("", line))
        self.tail.append(clean)
        return f"    {clean}"


class BuildKitLog:
    """Reads BuildKit's ``--progress=plain``, where lines of steps that run at once are told apart by ``#5``.

    The format: https://github.com/moby/buildkit/blob/master/util/progress/progressui/printer.go
    """

    _VERTEX = re.compile(r"#(\d+) (.*)")
    _STEP = re.compile(r"\[(?:\S+ +)?(\d+)/(\d+)\] (.*)")
    _TIMED = re.compile(r"\d+\.\d+ (.*)")
    _DONE = re.compile(r"DONE (\d+\.\d+)s")

    def __init__(self) -> None:
        self._running: dict[str, _RunningStep] = {}
        self._rest = _RunningStep(Step("docker build"))
        self._failed: tuple[_RunningStep, str] | None = None

    def feed(self, line: str) -> Iterator[str]:
        """Yield what one line of the output tells a person."""
        found = self._VERTEX.fullmatch(line)
        if found is None:
            if line.strip():
                self._rest.log(line)
            return
        number, text = found.groups()
        running = self._running.get(number)
        if running is None:
            self._running[number] = _RunningStep(self._step(text))
            yield f"{self._running[number].step}"
        else:
            yield from self._event(running, text)

    def failure(self) -> str:
        """Return what failed, with the end of its log."""
        if self._failed is None:
            return _failure(self._rest, "the builder failed")
        return _failure(*self._failed)

    def _event(self, running: _RunningStep, text: str) -> Iterator[str]:
        if done := self._DONE.fullmatch(text):
            yield f"{running.step}: {float(done[1]):.1f} s"
        elif text == "CACHED":
            yield f"{running.step}: cached"
        elif text.startswith("ERROR: ") and self._failed is None:
            self._failed = (running, text.removeprefix("ERROR: "))
        elif timed := self._TIMED.fullmatch(text):
            yield running.log(timed[1])
        elif not text.startswith(("sha256:", "...")) and self._step(text) != running.step:
            yield running.log(text)

    def _step(self, text: str) -> Step:
        name = mask_credentials(text)
        found = self._STEP.fullmatch(name)
        return Step(found[3], int(found[1]), int(found[2])) if found else Step(name)


class ClassicLog:
    """Reads the messages of the engine's own builder.

    The format: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageBuild
    """

    _STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
    _IMAGE = re.compile(r" ---> ([0-9a-f]{12})")
    _NOISE = (" ---> ", "Removing intermediate container ", "Successfully built ", "Successfully tagged ")

    def __init__(self) -> None:
        self._running = _RunningStep(Step("docker build"))
        self._is_cached = False
        self._pending = ""
        self._error = ""
        self.images: list[str] = []
        """Short IDs of the images that the steps made, in order; those that FROM names are not among them."""

    @property
    def failed(self) -> bool:
        """Whether the builder reported an error."""
        return bool(self._error)

    def feed(self, message: Mapping[str, object]) -> Iterator[str]:
        """Yield what one message tells a person."""
        if "error" in message:
            self._error = str(message["error"])
        elif "stream" in message:
            *lines, self._pending = (self._pending + str(message["stream"])).split("\n")
            for line in lines:
                yield from self._event(line.rstrip("\r"))

    def finish(self) -> Iterator[str]:
        """Yield what is left when the messages have ended."""
        if self._pending:
            yield from self._event(self._pending)
        if not self.failed:
            yield from self._end_step()

    def failure(self) -> str:
        """Return what failed, with the end of its log."""
        return _failure(self._running, self._error or "the builder ended without an image")

    def _event(self, line: str) -> Iterator[str]:
        if found := self._STEP.fullmatch(line):
            yield from self._end_step()
            self._running = _RunningStep(Step(mask_credentials(found[3]), int(found[1]), int(found[2])))
            yield f"{self._running.step}"
        elif image := self._IMAGE.fullmatch(line):
            if not self._running.step.name.upper().startswith("FROM "):
                self.images.append(image[1])
        elif line == " ---> Using cache":
            self._is_cached = True
        elif line.strip() and not line.startswith(self._NOISE):
            yield self._running.log(line)

    def _end_step(self) -> Iterator[str]:
        if self._running.step.total:
            yield f"{self._running.step}: {'cached' if self._is_cached else 'done'}"
        self._is_cached = False


def _failure(running: _RunningStep, error: str) -> str:
    lines = "".join(f"\n    {line}" for line in running.tail)
    return f"{running.step} failed: {mask_credentials(error)}{lines}"
