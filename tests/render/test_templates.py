import jinja2
import pytest

from envsnap.render.docker import render_template


def test_value_that_a_template_needs_and_does_not_get_is_an_error() -> None:
    """A forgotten value never becomes an empty word in a Dockerfile."""
    with pytest.raises(jinja2.UndefinedError):
        render_template("install.sh.j2")


def test_text_of_a_value_is_not_read_as_a_template() -> None:
    text = render_template("install.sh.j2", offline=False, index_settings=[("UV_INDEX", "{{ 7 * 7 }}")])

    assert "export UV_INDEX='{{ 7 * 7 }}'" in text


def test_templates_end_in_one_newline() -> None:
    assert render_template("install.sh.j2", offline=False, index_settings=[]).endswith('"$1"\n')
