import re

import pytest

from envsnap.errors import InvalidFileError
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.job import Job, JobOutput
from envsnap.manifest.model import convert
from envsnap.manifest.project import (
    Project,
    lay_over,
    output_format,
    parse_project,
    parse_pyproject,
    resolve_job,
)
from envsnap.manifest.tolerance import Bounds

COMMAND = '[job]\ncommand = ["python", "train.py"]\n'


def resolve(text: str) -> Job:
    table = parse_project(text, source="envsnap.toml").job
    assert table is not None
    return resolve_job(table, threads=6, source="envsnap.toml")


def complaint(text: str) -> str:
    with pytest.raises(InvalidFileError) as caught:
        parse_project(text, source="envsnap.toml")
    return str(caught.value)


def test_everything_a_user_can_say_of_a_job_is_resolved() -> None:
    """Durations are seconds, sizes bytes, formats known, names sorted: nothing is left to interpret."""
    job = resolve("""
        [job]
        command = ["python", "train.py", "--epochs", "3"]
        inputs = ["data/*.csv"]
        seed = 1234
        deterministic = false
        threads = 4
        runs = 3
        timeout = "30m"
        network = true
        gpus = 2
        shm-size = "1g"
        memory = "16g"
        processes = 512
        env = { B = "2", A = "1" }
        pass-env = ["HF_TOKEN", "AWS_PROFILE"]

        [[job.outputs]]
        path = "./out//metrics.jsonl"
        tolerance = { "*" = "auto", "val/accuracy" = { atol = 0.002 } }
    """)

    expected = Job(
        command=("python", "train.py", "--epochs", "3"),
        inputs=("data/*.csv",),
        outputs=(
            JobOutput(
                path="out/metrics.jsonl",
                format="jsonl",
                tolerance={"*": "auto", "val/accuracy": Bounds(atol=0.002)},
            ),
        ),
        seed=1234,
        deterministic=False,
        threads=4,
        runs=3,
        timeout_seconds=1800.0,
        network=True,
        gpus=2,
        shm_bytes=2**30,
        memory_bytes=2**34,
        processes=512,
        env={"A": "1", "B": "2"},
        pass_env=("AWS_PROFILE", "HF_TOKEN"),
    )
    assert expected == job
    assert ["A", "B"] == list(job.env)


def test_a_command_is_all_that_a_job_needs() -> None:
    """Two runs, deterministic, no network, every GPU; thread pools as large as the machine offers."""
    assert Job(command=("python", "train.py"), threads=6) == resolve(COMMAND)


def test_both_tables_may_be_absent() -> None:
    """A folder without a job can still be captured."""
    assert Project() == parse_project("", source="f")


def test_wishes_for_the_container_are_read() -> None:
    project = parse_project('[build]\nbase-image = "python:3.11-slim"\napt = ["libsndfile1=1.2.0-1"]', source="f")

    assert ("python:3.11-slim", ("libsndfile1=1.2.0-1",)) == (project.build.base_image, project.build.apt)


def test_pyproject_serves_too() -> None:
    """The same tables stand under [tool.envsnap]."""
    text = '[project]\nname = "x"\n[tool.envsnap.job]\ncommand = ["true"]'

    assert parse_project('[job]\ncommand = ["true"]', source="f") == parse_pyproject(text, source="pyproject.toml")


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'", "[tool.other]\nx = 1", "tool = 1"])
def test_pyproject_of_another_project_is_none(text: str) -> None:
    assert parse_pyproject(text, source="pyproject.toml") is None


def test_pyproject_is_named_with_its_table() -> None:
    """A message about a key tells where in the long file to look."""
    with pytest.raises(InvalidFileError) as caught:
        parse_pyproject('[tool.envsnap.job]\ncommand = ["true"]\nsed = 1', source="pyproject.toml")

    assert "pyproject.toml [tool.envsnap]: unknown key 'sed' in [job]; did you mean 'seed'?" == str(caught.value)


def test_pyproject_table_of_another_type_is_an_error() -> None:
    with pytest.raises(InvalidFileError, match=r"\[tool\.envsnap\]: Expected `object`, got `str`"):
        parse_pyproject('[tool]\nenvsnap = "yes"', source="pyproject.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[jobs]", "unknown key 'jobs'; did you mean 'job'?"),
        (f"{COMMAND}sead = 1", "unknown key 'sead' in [job]; did you mean 'seed'?"),
        (f"{COMMAND}shm_size = '1g'", "unknown key 'shm_size' in [job]; did you mean 'shm-size'?"),
        (
            f"{COMMAND}[[job.outputs]]\npath = 'a.json'\ntolerance = {{ loss = {{ atoll = 1 }} }}",
            "unknown key 'atoll' in [job.outputs[0].tolerance.loss]; did you mean 'atol'?",
        ),
        ("[build]\nbase = 'x'", "unknown key 'base' in [build]; did you mean 'base-image'?"),
        ("[job]", "Object missing required field `command` at `job`"),
        ("[job]\ncommand = []", "Expected `array` of length >= 1 at `job.command`"),
        ("[job]\ncommand = 'python train.py'", "Expected `array`, got `str` at `job.command`"),
        ("[job]\ncommand = ['']", "job.command starts with an empty word; it names the program to run"),
        ("[job]\ncommand = ['a', \"b\\u0000\"]", "job.command holds a NUL character"),
        (f"{COMMAND}inputs = ['']", "job.inputs[0] is empty or holds a control character"),
        (f"{COMMAND}inputs = ['a', \"b\\n\"]", "job.inputs[1] is empty or holds a control character"),
        (f"{COMMAND}seed = -1", "Expected `int` >= 0 at `job.seed`"),
        (f"{COMMAND}seed = {2**32}", f"Expected `int` <= {2**32 - 1} at `job.seed`"),
        (f"{COMMAND}seed = 1.5", "Expected `int`, got `float` at `job.seed`"),
        (f"{COMMAND}threads = 0", "Expected `int` >= 1 at `job.threads`"),
        (f"{COMMAND}runs = 0", "Expected `int` >= 1 at `job.runs`"),
        (f"{COMMAND}gpus = 'some'", "Invalid enum value 'some' at `job.gpus`"),
        (f"{COMMAND}gpus = -1", "Expected `int` >= 0 at `job.gpus`"),
        (f"{COMMAND}network = 'no'", "Expected `bool`, got `str` at `job.network`"),
        (f"{COMMAND}timeout = true", "Expected `int | str | null`, got `bool` at `job.timeout`"),
        (f"{COMMAND}timeout = 'soon'", "job.timeout = 'soon' is not a quantity like \"90s\", \"30m\" or \"2h\""),
        (f"{COMMAND}[[job.outputs]]\npath = 'a.json'\nheader = true",
         "output 'a.json': 'header' is a key of CSV outputs, and this one's format is json"),
        (f"{COMMAND}[[job.outputs]]\npath = 'a.npy'\nprecision = 'float32'",
         "output 'a.npy': 'precision' is a key of text outputs; npy files tell their own"),
        (f"{COMMAND}[[job.outputs]]\npath = 'a.csv'\ndecimal = ','",
         "output 'a.csv': with decimal = ',' name the delimiter too, such as delimiter = ';'"),
        (f"{COMMAND}shm-size = '1t'", "job.shm-size = '1t' is not a quantity like \"512m\" or \"1g\""),
        (f"{COMMAND}env = {{ OMP_NUM_THREADS = 4 }}", "Expected `str`, got `int` at `job.env.OMP_NUM_THREADS`"),
        (f"{COMMAND}env = {{ 'A B' = 'x' }}", "'A B' in job.env or job.pass-env is not the name of a variable"),
        (f"{COMMAND}pass-env = ['A=1']", "'A=1' in job.env or job.pass-env is not the name of a variable"),
        (f'{COMMAND}pass-env = ["A\\n"]', "'A\n' in job.env or job.pass-env is not the name of a variable"),
        (f'{COMMAND}env = {{ A = "x\\u0000" }}', "job.env.A holds a NUL character"),
    ],
)  # fmt: skip
def test_mistake_is_told_with_file_place_and_remedy(text: str, expected: str) -> None:
    """Whatever is wrong, the message begins with the file and names the key."""
    assert f"envsnap.toml: {expected}" == complaint(text)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("model.bin", "the format of output 'model.bin' cannot be told from its suffix; add format = "),
        ("metrics", "the format of output 'metrics' cannot be told from its suffix; add format = "),
        ("/a.json", "job.outputs[0].path: '/a.json' leads out of the project; outputs lie inside it"),
        ("../a.json", "job.outputs[0].path: '../a.json' leads out of the project; outputs lie inside it"),
        ("a/../../b.json", "job.outputs[0].path: 'a/../../b.json' leads out of the project; outputs lie inside it"),
        ("./", "job.outputs[0].path: './' is the project itself; name a file inside it"),
        ("", "Expected `str` of length >= 1 at `job.outputs[0].path`"),
        ("a\\nb.json", "job.outputs[0].path: 'a\\nb.json' holds a control character"),
        ("b.json\\n", "job.outputs[0].path: 'b.json\\n' holds a control character"),
    ],
)
def test_output_that_cannot_be_compared_is_refused(path: str, expected: str) -> None:
    """A path that leads elsewhere, that no lock can hold, or whose contents nobody can read."""
    assert complaint(f'{COMMAND}[[job.outputs]]\npath = "{path}"').startswith(f"envsnap.toml: {expected}")


def test_same_output_in_two_spellings_is_declared_twice() -> None:
    message = complaint(f'{COMMAND}[[job.outputs]]\npath = "a.json"\n[[job.outputs]]\npath = "./a.json"')

    assert "envsnap.toml: job.outputs[1].path: './a.json' is declared twice" == message


@pytest.mark.parametrize("name", ["HF_TOKEN", "my_secret", "DB_PASSWORD", "OPENAI_API_KEY", "AWS_ACCESS_KEY_ID"])
def test_secret_is_kept_out_of_the_lock(name: str) -> None:
    """What looks like a secret is refused by name, with the way that keeps it unrecorded; its value is not repeated."""
    message = complaint(f'{COMMAND}env = {{ {name} = "hunter2" }}')

    assert f'pass-env = ["{name}"]' in message
    assert "hunter2" not in message


@pytest.mark.parametrize("bounds", ["atol = -1", "rtol = -0.1", "atol = nan", "rtol = inf", "atol = -inf"])
def test_bounds_without_meaning_are_refused(bounds: str) -> None:
    """A bound that nothing or everything meets is a mistake; leaving a metric out has its own word."""
    text = f'{COMMAND}[[job.outputs]]\npath = "a.json"\ntolerance = {{ loss = {{ {bounds} }} }}'

    assert "tolerance 'loss' of 'a.json': atol and rtol are finite and 0 or more" in complaint(text)


@pytest.mark.parametrize("form", ['"automatic"', "0.01", "[0.1]", '{ atol = "0.1" }'])
def test_tolerance_in_no_known_form_is_refused(form: str) -> None:
    text = f'{COMMAND}[[job.outputs]]\npath = "a.json"\ntolerance = {{ loss = {form} }}'

    assert "at `job.outputs[0].tolerance.loss" in complaint(text)


@pytest.mark.parametrize(
    "wish", ['apt = ["-y"]', 'apt = ["a b"]', 'apt = ["libx\\n"]', 'base-image = "a b"', 'base-image = "x\\nRUN y"']
)
def test_wish_that_could_reach_a_shell_is_refused(wish: str) -> None:
    assert "matching regex" in complaint(f"[build]\n{wish}")


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.json", "json"), ("A.NDJSON", "jsonl"), ("x/y.csv", "csv"), ("w.SafeTensors", "safetensors")],
)
def test_format_follows_the_suffix(path: str, expected: str) -> None:
    assert expected == output_format(path, None, source="f")


def test_declared_format_goes_before_the_suffix() -> None:
    assert "jsonl" == output_format("log.json", "jsonl", source="f")


@pytest.mark.parametrize("path", ["a\n", "a\tb", "/a", "..", "../a", "a/..", "a/../b", "a/\x7f", "", "a\x00"])
def test_path_in_a_lock_cannot_leave_its_folder(path: str) -> None:
    """A lock is untrusted: each of its paths is joined to a folder of the reader's."""
    with pytest.raises(InvalidFileError, match="path"):
        convert({"path": path, "format": "json"}, JobOutput, source="f")


@pytest.mark.parametrize("path", ["a", "a/b.json", "..a", "a..", "...", "a/.b", "späť/ü.json"])
def test_path_inside_stays_allowed(path: str) -> None:
    assert path == convert({"path": path, "format": "json"}, JobOutput, source="f").path


@pytest.mark.parametrize(
    "url",
    [
        "https://index.example/simple\n",
        "https://user:password@index.example/simple",
        "https://token@index.example",
        "https://index.example/a b",
        "https://index.example/'; touch x; '",
        "https://index.example/$(touch x)",
        "https://index.example/`x`",
        "https://index.example/\\",
        "https://index.example/\x00",
        "https://index.example/\x1b[2J",
        "file:///etc/passwd",
        "https://",
    ],
)
def test_index_that_could_break_out_or_holds_credentials_is_refused(url: str) -> None:
    """It is written between quotes into a script that stays in the build context."""
    with pytest.raises(InvalidFileError, match=re.escape("at `index-url`")):
        convert({"index-url": url}, BuildSpec, source="f")


@pytest.mark.parametrize("url", ["https://index.example", "http://index.example:8080/a/@scope/simple/?x=1&y=%20"])
def test_ordinary_index_is_allowed(url: str) -> None:
    assert url == convert({"index-url": url}, BuildSpec, source="f").index_url


PROFILED = """
[job]
command = ["python", "train.py"]
inputs = ["data.csv"]
threads = 2
env = { A = "1", B = "1" }
outputs = [{ path = "metrics.json" }]
"""


def test_a_profile_is_laid_over_the_job() -> None:
    """What it does not say is the job's own; variables are laid over one by one."""
    text = PROFILED + '[job.profiles.smoke]\narguments = ["--steps", "100"]\nruns = 1\nenv = { B = "2" }\n'
    table = parse_project(text, source="envsnap.toml").job
    assert table is not None

    job = resolve_job(lay_over(table, table.profiles["smoke"]), threads=8, source="envsnap.toml")

    assert ("python", "train.py", "--steps", "100") == job.command
    assert (1, 2, ("data.csv",), {"A": "1", "B": "2"}) == (job.runs, job.threads, job.inputs, job.env)
    assert ["metrics.json"] == [output.path for output in job.outputs]


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ('[job.profiles.s]\ncommand = ["a"]\narguments = ["b"]', r"\[job\.profiles\.s\]: 'command' is another command"),
        ('[job.profiles.s]\noutputs = [{ path = "../x.json" }]', r"\[job\.profiles\.s\]: job\.outputs\[0\].*leads out"),
        ('[job.profiles.s]\ntimeout = "soon"', r"\[job\.profiles\.s\]: job\.timeout"),
        ('[job.profiles.s]\nenv = { HF_TOKEN = "x" }', r"\[job\.profiles\.s\]: job\.env\.HF_TOKEN looks like a secret"),
        ("[job.profiles.s]\nargs = []", "unknown key 'args' in .job.profiles.s."),
        ('[job.profiles."../s"]\nruns = 1', "Expected `str` matching regex"),
    ],
)
def test_a_profile_is_held_to_what_a_job_is_held_to(profile: str, said: str) -> None:
    """The message names it."""
    with pytest.raises(InvalidFileError, match=said):
        parse_project(PROFILED + profile, source="envsnap.toml")
