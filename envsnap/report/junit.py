"""Writes a verdict as JUnit XML, so that a CI server lists every output and metric as a test."""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from envsnap.manifest.verdict import ItemVerdict, OutputVerdict, Status, Verdict

# XML 1.0 allows no other control characters, not even escaped: https://www.w3.org/TR/xml/#charsets
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(verdict: Verdict, *, name: str, seconds: float) -> str:
    """Write one testsuite for each output and one testcase for each item, in the form that Jenkins and GitLab read.

    A fail is a ``failure``. Inconclusive is an ``error``: the test could not decide, and no pipeline may go on as if
    it had. Ignored is ``skipped``. An output without items (unreadable, missing) is one testcase of its own, and so is
    the whole where a job declares no outputs.
    """
    root = Element("testsuites", name=strip_illegal(name), time=f"{seconds:.3f}")
    for output in verdict.outputs:
        _add_suite(root, output)
    if not verdict.outputs:
        _add_suite(root, OutputVerdict(path=name, format="", status=verdict.status, reason=verdict.reason))
    for kind in ("tests", "failures", "errors", "skipped"):
        root.set(kind, str(sum(int(suite.get(kind, "0")) for suite in root)))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def strip_illegal(text: str) -> str:
    """Take out the characters that no XML 1.0 document may hold."""
    return _ILLEGAL.sub("", text)


def _add_suite(root: Element, output: OutputVerdict) -> None:
    suite = SubElement(root, "testsuite", name=strip_illegal(output.path))
    statuses = [item.status for item in output.items]
    for item in output.items:
        _add_case(suite, output.path, item)
    if output.status not in ("pass", *statuses):  # what is wrong with it is wrong with the whole file
        whole = ItemVerdict(name=output.path, status=output.status, reason=output.reason)
        _add_case(suite, output.path, whole)
        statuses.append(output.status)
    _count(suite, statuses)


def _count(suite: Element, statuses: list[Status]) -> None:
    suite.set("tests", str(len(statuses)))
    suite.set("failures", str(statuses.count("fail")))
    suite.set("errors", str(statuses.count("inconclusive")))
    suite.set("skipped", str(statuses.count("ignored")))


def _add_case(suite: Element, path: str, item: ItemVerdict) -> None:
    case = SubElement(suite, "testcase", classname=strip_illegal(path), name=strip_illegal(item.name or path))
    tags: dict[Status, str] = {"fail": "failure", "inconclusive": "error", "ignored": "skipped"}
    if item.status in tags:
        SubElement(case, tags[item.status], message=strip_illegal(item.reason)).text = strip_illegal(_details(item))


def _details(item: ItemVerdict) -> str:
    lines = [item.reason]
    for title, place in (("first parts", item.first_difference), ("first beyond", item.first_beyond)):
        if place is not None:
            where = f" at {place.where}" if place.where else ""
            lines.append(f"{title}{where}: baseline {place.baseline}, rerun {place.rerun}")
    return "\n".join(lines)
