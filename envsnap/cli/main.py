"""The command line: finds the command and loads nothing else, so that ``--help`` is quick."""

import importlib
import sys

import click

from envsnap import __version__

COMMANDS = {
    "freeze": "Capture this environment and the job's results into envsnap.lock.",
    "build": "Rebuild the locked environment and prove that it is equal.",
    "verify": "Rerun the job in the rebuilt environment and compare the numbers.",
}

EPILOG = """\b
Exit codes:
  0    done; for verify: every output matches
  1    verify: the numbers differ
  2    usage error, or an envsnap.toml or envsnap.lock that is not valid
  3    verify: inconclusive, more runs are needed
  4    capture or lock failed
  5    build failed, or the rebuilt environment differs from the lock
  6    the job failed, or an input is not the one that the lock records
  7    a tool or engine that is needed is missing or unreachable
  130  interrupted
"""


class LazyGroup(click.Group):
    """Imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the parameter is click's
        """Name the commands in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the parameter is click's
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"envsnap.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - each command module has one
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the parameter is click's
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="envsnap %(version)s")
def cli() -> None:
    """Freeze the environment of a machine-learning job, rebuild it, and prove that the numbers are the same."""


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(cli(standalone_mode=True))
