import runpy
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_manifest_page_follows_the_types() -> None:
    """docs/manifest.md is what `make docs` writes now; a key without a meaning is an error there."""
    page = runpy.run_path(str(DOCS / "generate.py"))["render"]()

    assert page == (DOCS / "manifest.md").read_text(encoding="utf-8")
