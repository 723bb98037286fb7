"""Jobs of several processes run in a container without a network as they ran where they were frozen."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envsnap.host.container.engine import Engine

from .conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.docker]

RANKS = """
import json, sys
import torch, torch.distributed as group
from torch.nn.parallel import DistributedDataParallel
group.init_process_group("gloo")
rank = group.get_rank()
model = DistributedDataParallel(torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
generator = torch.Generator().manual_seed(rank)
for _ in range(20):
    x = torch.randn(32, 8, generator=generator)
    loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
total = loss.detach().clone()
group.all_reduce(total)
if rank == 0:
    json.dump({"loss": total.item(), "ranks": group.get_world_size()}, open("metrics.json", "w"))
group.destroy_process_group()
"""
ACCELERATE = """
import json
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
set_seed(7)
accelerator = Accelerator(cpu=True)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = torch.utils.data.DataLoader(torch.randn(256, 8), batch_size=16)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
for x in loader:
    loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad()
    accelerator.backward(loss)
    optimizer.step()
loss = accelerator.gather(loss.detach().reshape(1)).mean()
if accelerator.is_main_process:
    json.dump({"loss": loss.item(), "ranks": accelerator.num_processes}, open("metrics.json", "w"))
accelerator.end_training()
"""
LOADER = """
import json, torch
class Large(torch.utils.data.Dataset):
    def __len__(self): return 4
    def __getitem__(self, at): return torch.full((50_000_000,), float(at))
if __name__ == "__main__":
    loader = torch.utils.data.DataLoader(Large(), batch_size=None, num_workers=2)
    json.dump({"loss": sum(x.double().mean().item() for x in loader)}, open("metrics.json", "w"))
"""
MPI = """
import json
import numpy as np
from mpi4py import MPI
world = MPI.COMM_WORLD
total = world.allreduce(np.random.default_rng(world.rank).standard_normal(1000), op=MPI.SUM)
if world.rank == 0:
    json.dump({"loss": float(total.sum()), "ranks": world.size}, open("metrics.json", "w"))
"""
POOL = """
import json, multiprocessing
import numpy as np
from joblib import Parallel, delayed
def work(seed): return float(np.random.default_rng(seed).standard_normal(1000).sum())
if __name__ == "__main__":
    found = {}
    for method in ("spawn", "fork", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            found[method] = sum(pool.map(work, range(4)))
    found["joblib"] = sum(Parallel(n_jobs=2)(delayed(work)(seed) for seed in range(4)))
    json.dump(found, open("metrics.json", "w"))
"""
SCRIPTS = {"ranks.py": RANKS, "fast.py": ACCELERATE, "loader.py": LOADER, "mpi.py": MPI, "pool.py": POOL}
PROFILES = ("accelerate", "loader", "mpi", "pool")
SETTINGS = """
[job]
command = ["torchrun", "--nproc-per-node", "2", "ranks.py"]
runs = 1
timeout = "3m"
[[job.outputs]]
path = "metrics.json"
format = "json"
[job.profiles.accelerate]
command = ["accelerate", "launch", "--cpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no",
           "--dynamo_backend", "no", "fast.py"]
[job.profiles.loader]
command = ["python", "loader.py"]
[job.profiles.mpi]
command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", "python", "mpi.py"]
[job.profiles.pool]
command = ["python", "pool.py"]
"""
REQUIREMENTS = "numpy>=2.0,<3\ntorch==2.13.0\naccelerate>=1.1\nmpi4py>=4.1\nopenmpi>=5\njoblib>=1.4\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, make_environment: Callable[[Path], Path]) -> Iterator[Project]:
    """The job and its profiles, frozen and built."""
    folder = tmp_path_factory.mktemp("parallel") / "project"
    folder.mkdir()
    for name, text in {**SCRIPTS, "envsnap.toml": SETTINGS, "requirements.txt": REQUIREMENTS}.items():
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    project = Project(folder, make_environment(folder / "requirements.txt"))
    for profile in ((), *(("--profile", name) for name in PROFILES)):
        frozen = project.freeze(*profile)
        assert "the ranks were not alike" not in frozen.err
    done = project.envsnap("build", "--target", "docker", "--json")
    assert done.code == 0, done.err
    yield project
    with Engine.connect() as engine:
        engine.remove_unused_image(done.envelope["result"]["reference"])


@pytest.mark.parametrize("profile", ["", *PROFILES])
def test_what_ran_where_it_was_frozen_runs_in_the_container(built: Project, profile: str) -> None:
    """The numbers are the same, bit for bit; /dev/shm holds what the DataLoader's workers pass."""
    done = built.envsnap("verify", "--no-build", *(("--profile", profile) if profile else ()))

    assert done.code == 0, done.out + done.err
    assert "every output matches the baseline (bit for bit)" in done.out
    assert "note:" not in done.out


def test_ranks_that_are_not_alike_are_named(built: Project) -> None:
    """Each with its number, beside the verdict."""
    script = built.folder / "ranks.py"
    script.write_text(RANKS.replace("model =", "torch.set_num_threads(1 + rank)\nmodel =", 1))

    done = built.envsnap("verify", "--no-build")

    script.write_text(RANKS)
    assert "note: the ranks were not alike: torch num-threads: 1 in rank 0, 2 in rank 1" in " ".join(done.out.split())


@pytest.mark.long
def test_a_full_shared_memory_says_what_to_set(built: Project) -> None:
    """The cause stands in the words of a worker alone; the job itself waits for it for ever."""
    settings = built.folder / "envsnap.toml"
    settings.write_text(SETTINGS.replace('timeout = "3m"', 'timeout = "14s"\nshm-size = "64m"'))

    done = built.envsnap("verify", "--no-build", "--profile", "loader")

    settings.write_text(SETTINGS)
    assert 6 == done.code
    assert re.search(r"nothing has happened for .* the last line was: .*No space left on device", done.err)
    assert "through /dev/shm, which is full in the container: set `shm-size` in envsnap.toml" in done.err


@pytest.mark.long
def test_a_rank_that_never_comes_is_told_of_before_the_timeout(built: Project) -> None:
    """With what the one that is there waits for."""
    settings = built.folder / "envsnap.toml"
    changed = SETTINGS.replace('"--nproc-per-node"', '"--nnodes", "2", "--nproc-per-node"', 1)
    settings.write_text(changed.replace('timeout = "3m"', 'timeout = "16s"'))

    done = built.envsnap("verify", "--no-build")

    settings.write_text(SETTINGS)
    assert 6 == done.code
    told = re.search(
        r"warning: nothing has happened for \d+ s, no output and no computing: (.*); ends after 16 s", done.err
    )
    assert told, done.err
    assert re.search(r"torchrun --nnodes 2 .* \(process \d+\) waits for", told[1])
    assert "did not end within its limit of 16 s" in done.err
