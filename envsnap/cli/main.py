"""The command line: finds the command and loads nothing else, click included, so that ``--help`` is quick."""

import sys

from envsnap import __version__

COMMANDS = {
    "freeze": "Capture this environment and the job's results into envsnap.lock.",
    "build": "Rebuild the locked environment and prove that it is equal.",
    "verify": "Rerun the job in the rebuilt environment and compare the numbers.",
    "run": "Run the job, or a command, in the rebuilt environment, and judge nothing.",
    "export": "Write the lock for pip, uv, conda, conda-lock or as a CycloneDX bill of materials.",
    "bundle": "Put the lock and all that it needs into one folder or archive.",
    "check": "Say in a second whether the lock belongs to the project as it stands.",
    "show": "Say in one screen what a lock pins, and what to know of it.",
    "diff": "Say what differs between two locks, or between a lock and what stands here.",
    "doctor": "Say whether this machine can rebuild and rerun the lock.",
}

HELP = """\
Usage: envsnap COMMAND [OPTIONS] [ARGS]...

  Freeze the environment of a machine-learning job, rebuild it, and prove that the numbers are the same.

Options:
  --version   Show the version.
  -h, --help  Show this message; after a command, the command's.

Commands:
{commands}

Exit codes:
  0    done; for verify: every output matches
  1    verify: the numbers differ; diff --exit-code: something differs that can move them
  2    usage error, or an envsnap.toml or envsnap.lock that is not valid
  3    verify: inconclusive, more runs are needed
  4    capture or lock failed
  5    build failed, the rebuilt environment differs from the lock, or a bundle cannot be made or is damaged;
       check: the lock does not belong to the project as it stands
  6    the job failed, or an input is not the one that the lock records
  7    a tool or engine that is needed is missing or unreachable; doctor: a check failed
  70   something unexpected: a full disk, a missing permission, or a defect of envsnap
  130  interrupted
"""
USAGE_ERROR = 2
INTERRUPTED = 130
UNEXPECTED = 70
"""EX_SOFTWARE of https://man7.org/linux/man-pages/man3/sysexits.h.3head.html: Python's own 1 would say that the numbers
differ."""
YOUNG_OBJECTS = (100_000, 20, 100)
"""After how many new objects the youngest generation is searched for garbage; Python's own number is 700."""


def main() -> None:
    """Run the command that the first argument names, and exit with its code."""
    name, *arguments = sys.argv[1:] or ["--help"]
    match name:
        case "--help" | "-h" | "help":
            print(help_text(), end="")
        case "--version":
            print(f"envsnap {__version__}")
        case _ if name in COMMANDS:
            run_command(name, arguments)
        case _:
            print(f"envsnap: error: {complaint(name)}\nTry 'envsnap --help'.", file=sys.stderr)
            sys.exit(USAGE_ERROR)


def run_command(name: str, arguments: list[str]) -> None:
    """Import one command's module and run it; click exits.

    Hardly any of what a command makes is garbage before it ends: to look for some costs a tenth of a short one, and
    Python's last look, at its exit, as much again.
    """
    import gc
    import importlib

    gc.set_threshold(*YOUNG_OBJECTS)

    try:
        command = importlib.import_module(f"envsnap.cli.{name}").command
        command.main(args=arguments, prog_name=f"envsnap {name}")
    except KeyboardInterrupt:  # before the command itself takes care of it
        print("envsnap: error: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - what the command itself does not reach: an import, a folder that is gone
        print(f"envsnap: error: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(UNEXPECTED)
    finally:
        gc.freeze()


def help_text() -> str:
    """Return what ``envsnap --help`` prints."""
    return HELP.format(commands="\n".join(f"  {name:<8}{text}" for name, text in COMMANDS.items()))


def complaint(name: str) -> str:
    """Say what is wrong with the first argument, and which command is nearest."""
    if name.startswith("-"):
        return f"no such option {name!r} before a command"
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
    return f"no such command {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
