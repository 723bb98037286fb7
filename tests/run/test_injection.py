"""Which variables a job runs under, and which of several wishes wins."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.errors import InvalidFileError
from envsnap.manifest.job import Job
from envsnap.run.injection import (
    DETERMINISM,
    THREAD_VARIABLES,
    VERSION,
    ZONE_AND_LOCALE,
    check_known,
    injected_environment,
)

JOB = Job(command=("python", "train.py"), seed=11, threads=3)


def inject(job: Job, **inherited: str) -> Mapping[str, str]:
    return injected_environment(
        job,
        observer=Path("/observer"),
        report_dir=Path("/run/reports"),
        threadpoolctl=Path("/lib/threadpoolctl.py"),
        inherited=inherited,
    )


def with_env(**env: str) -> Job:
    return msgspec.structs.replace(JOB, env=env)


def test_seed_threads_and_observer_are_injected() -> None:
    """The job's own numbers reach the hash, the pools and the observer."""
    variables = inject(JOB)

    assert "11" == variables["PYTHONHASHSEED"] == variables["ENVSNAP_SEED"]
    assert {"3"} == {variables[name] for name in THREAD_VARIABLES}
    assert ("/observer", "/run/reports", "/lib/threadpoolctl.py", "1") == (
        variables["PYTHONPATH"],
        variables["ENVSNAP_OBSERVE_DIR"],
        variables["ENVSNAP_THREADPOOLCTL"],
        variables["ENVSNAP_DETERMINISTIC"],
    )


def test_time_zone_and_locale_are_the_same_everywhere() -> None:
    """A container has neither of the caller's; what the job sets itself wins."""
    variables = inject(with_env(TZ="Asia/Tokyo"))

    assert ("Asia/Tokyo", "C.UTF-8", "C.UTF-8") == tuple(variables[name] for name in ("TZ", "LANG", "LC_ALL"))


def test_an_old_lock_is_replayed_in_the_old_way() -> None:
    """Version 1 left time zone and locale to the machine; all else is alike."""
    where = {"observer": Path("/o"), "report_dir": Path("/r"), "threadpoolctl": Path("/t.py")}
    old, new = (injected_environment(JOB, **where, inherited={}, version=version) for version in (1, VERSION))

    assert ZONE_AND_LOCALE == {name: value for name, value in new.items() if name not in old}
    assert old.items() <= new.items()


def test_what_only_a_later_envsnap_injects_is_refused() -> None:
    """It cannot be replayed; the versions known so far can."""
    for version in range(1, VERSION + 1):
        check_known(version)

    with pytest.raises(InvalidFileError, match=f"recorded with version {VERSION + 1} of .*: update envsnap"):
        check_known(VERSION + 1)


def test_determinism_is_injected_only_where_asked_for() -> None:
    """A job with deterministic = false gets none of the settings."""
    without = inject(msgspec.structs.replace(JOB, deterministic=False))

    assert DETERMINISM.items() <= inject(JOB).items()
    assert not DETERMINISM.keys() & without.keys()
    assert "0" == without["ENVSNAP_DETERMINISTIC"]


def test_numerics_variables_are_inherited_and_others_are_not() -> None:
    """What moved the numbers at capture moves them again; the caller's other variables stay out."""
    variables = inject(JOB, OPENBLAS_CORETYPE="Haswell", CUBLAS_WORKSPACE_CONFIG=":16:8", CLUSTER="hpc")

    assert ("Haswell", ":16:8") == (variables["OPENBLAS_CORETYPE"], variables["CUBLAS_WORKSPACE_CONFIG"])
    assert "CLUSTER" not in variables


def test_the_job_states_seed_and_threads_itself() -> None:
    """Inherited values of what the job states do not count."""
    variables = inject(JOB, PYTHONHASHSEED="5", OMP_NUM_THREADS="64")

    assert ("11", "3") == (variables["PYTHONHASHSEED"], variables["OMP_NUM_THREADS"])


def test_a_variable_that_the_job_sets_wins() -> None:
    """What envsnap.toml says explicitly is what the user wants."""
    job = msgspec.structs.replace(with_env(OMP_NUM_THREADS="2", PARTITION="theirs"), pass_env=("PARTITION",))
    variables = inject(job, OMP_NUM_THREADS="64", PARTITION="callers")

    assert ("2", "theirs") == (variables["OMP_NUM_THREADS"], variables["PARTITION"])


def test_variables_passed_through_take_the_callers_value() -> None:
    """One that the caller lacks is not set."""
    job = msgspec.structs.replace(JOB, pass_env=("PARTITION", "LACKING"))
    variables = inject(job, PARTITION="callers")

    assert "callers" == variables["PARTITION"]
    assert "LACKING" not in variables


@pytest.mark.parametrize(
    ("job", "inherited", "expected"),
    [
        (JOB, {}, "/observer"),
        (JOB, {"PYTHONPATH": "/theirs:/more"}, "/observer:/theirs:/more"),
        (with_env(PYTHONPATH="src"), {"PYTHONPATH": "/theirs"}, "/observer:src"),
    ],
)
def test_the_observer_stands_first_in_the_path(job: Job, inherited: dict[str, str], expected: str) -> None:
    """The job's own PYTHONPATH follows, before the inherited one."""
    assert expected == inject(job, **inherited)["PYTHONPATH"]


@pytest.mark.parametrize(
    ("inherited", "expected"),
    [
        ("--xla_dump_to=d", "--xla_dump_to=d --xla_gpu_deterministic_ops=true"),
        ("--xla_gpu_deterministic_ops=false", "--xla_gpu_deterministic_ops=false"),
    ],
)
def test_xla_flags_join_those_that_are_set(inherited: str, expected: str) -> None:
    """One variable holds all flags; a flag that is set stays as it is."""
    assert expected == inject(JOB, XLA_FLAGS=inherited)["XLA_FLAGS"]


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_nothing_the_job_sets_can_switch_the_observer_off(env: dict[str, str]) -> None:
    """The observer's contract holds for every environment, and equal jobs get equal variables in equal order."""
    variables = inject(with_env(**{"ENVSNAP_OBSERVE_DIR": "", **env}))

    assert "/run/reports" == variables["ENVSNAP_OBSERVE_DIR"]
    assert variables["PYTHONPATH"].startswith("/observer")
    assert sorted(variables) == list(variables)
