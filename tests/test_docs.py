import runpy
from pathlib import Path

from envsnap.inside.observer._envsnap.variables import NUMERICS_VARIABLES
from envsnap.run.injection import DETERMINISM, THREAD_VARIABLES

DOCS = Path(__file__).parent.parent / "docs"


def test_manifest_page_follows_the_types() -> None:
    """docs/manifest.md is what `make docs` writes now; a key without a meaning is an error there."""
    page = runpy.run_path(str(DOCS / "generate.py"))["render"]()

    assert page == (DOCS / "manifest.md").read_text(encoding="utf-8")


def test_numerics_page_names_every_variable() -> None:
    """A reader looks there for what is recorded, and what is set."""
    page = (DOCS / "numerics.md").read_text(encoding="utf-8")

    assert [] == [name for name in (*NUMERICS_VARIABLES, *DETERMINISM, *THREAD_VARIABLES) if name not in page]
    assert [] == [name for name, value in DETERMINISM.items() if f"{name}={value}" not in page]
