"""Starts one of the scripts in ``probe`` in a captured interpreter: python start.py SCRIPT ARGUMENT...

The scripts import each other relatively, here as in envsnap itself. Their package is made by hand, so that no folder
of envsnap's ever stands on the search path, and under a name that nothing else has.
"""

import os
import sys

PACKAGE = "_envsnap_inside"


def main(script: str, *arguments: str) -> None:
    """Run a script under the search path that any other program has."""
    # Python puts the folder of what it runs in front, if neither -I nor PYTHONSAFEPATH forbids it.
    own = {os.path.dirname(os.path.abspath(__file__)), os.path.dirname(os.path.realpath(__file__))}
    sys.path[:] = [folder for folder in sys.path if folder not in own]
    package = type(sys)(PACKAGE)
    package.__path__ = sorted(own)
    sys.modules[PACKAGE] = package
    name = os.path.basename(script)[: -len(".py")]
    __import__(PACKAGE + ".probe." + name, fromlist=["main"]).main(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
