"""What services read of this repository is valid under the schemas that they publish; check-jsonschema has them."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for

ROOT = Path(__file__).parent.parent.parent
COMPONENT = ROOT / "templates" / "verify" / "template.yml"


def complaints(schema: str, document: object) -> list[str]:
    """Return what a published schema says against a document."""
    text = (files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{schema}.json").read_text(encoding="utf-8")
    parsed = json.loads(text)
    return [f"{error.json_path}: {error.message}" for error in validator_for(parsed)(parsed).iter_errors(document)]


def component() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what GitLab's component asks for, and its job."""
    head, body = yaml.safe_load_all(COMPONENT.read_text(encoding="utf-8"))
    return head, body


def test_gitlab_component_is_valid() -> None:
    """Both its documents are: what it asks for, and the job."""
    head, body = component()

    assert [] == complaints("gitlab-ci", head)
    assert [] == complaints("gitlab-ci", body)


def test_action_is_valid() -> None:
    """Its inputs reach its scripts as variables, never as text of them."""
    document = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))

    assert [] == complaints("github-actions", document)
    for step in document["runs"]["steps"]:
        assert "bash" == step["shell"]
        assert "${{" not in step["run"]
    used = {text for step in document["runs"]["steps"] for text in step["env"].values()}
    assert used == {f"${{{{ inputs.{name} }}}}" for name in document["inputs"]}


def test_workflow_of_the_docs_is_valid() -> None:
    """It names inputs that the action has."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    example = text[text.index("    name: numbers") :].partition("\n\n##")[0]
    workflow = yaml.safe_load(
        "\n".join(line[4:] for line in example.splitlines() if line.startswith("    ") or not line)
    )

    workflow["on"] = workflow.pop(True)  # YAML 1.1 takes the word for a boolean; GitHub does not

    assert [] == complaints("github-workflows", workflow)
    (job,) = workflow["jobs"].values()
    (step,) = (step for step in job["steps"] if step["uses"].startswith("you/envsnap@"))
    assert step["with"].keys() <= action["inputs"].keys()


def test_schema_refuses_what_is_wrong() -> None:
    """A validator that accepts anything would prove nothing."""
    _, body = component()
    (job,) = body.values()

    assert [] != complaints("gitlab-ci", {"envsnap": job | {"artifacts": {"when": "sometimes"}}})


def test_gitlab_component_keeps_reports_of_a_failed_job() -> None:
    """The merge request shows them whatever the verdict."""
    ((_, job),) = component()[1].items()

    assert "always" == job["artifacts"]["when"]
    assert {"junit": "envsnap-report/junit.xml", "metrics": "envsnap-report/metrics.txt"} == job["artifacts"]["reports"]


@pytest.mark.parametrize("line", component()[1]["$[[ inputs.job-name ]]"]["script"])
def test_gitlab_inputs_are_no_text_of_the_script(line: str) -> None:
    """They are variables, in quotes: an input with a semicolon runs nothing."""
    assert "$[[" not in line
    assert line.count("$ENVSNAP_") == line.count('"$ENVSNAP_')
