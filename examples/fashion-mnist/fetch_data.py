"""Put the four Fashion-MNIST files into data/, from a folder or from the web, and check them."""

import argparse
import hashlib
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

SHA256 = {
    "train-images-idx3-ubyte.gz": "e2657c7bb93b3be3217399dc3bd3656ab7a090a62b1c236fa9fc6163660d447b",
    "train-labels-idx1-ubyte.gz": "015e8e78f0f238a73436f789f1cd5527454511fa27d175b8724a5dda4c4d24bc",
    "t10k-images-idx3-ubyte.gz": "6aee8a8692028e4c49c0db6da50da86e280aaac88140d9383dab215638590551",
    "t10k-labels-idx1-ubyte.gz": "940c4e209b7eee226f8f4fc42fbed0b5f7ce5af689ad33c5ccaa28d778e0df13",
}
"""Of the files as this script writes them: with the gzip header of :func:`without_origin`."""

DEBIAN_FOLDER = "/usr/share/datasets/fashion-mnist"
"""Where Debian's package dataset-fashion-mnist puts them."""

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no flags, no time, unknown system: https://www.rfc-editor.org/rfc/rfc1952#section-2.3"""

NAME_FLAG = 0x08
"""The header's flag for a file name, which ends with a zero byte."""


def main() -> None:
    """Fetch what is missing or wrong, and check every file."""
    arguments = parse_arguments()
    data = Path(__file__).parent / "data"
    data.mkdir(exist_ok=True)
    for name, expected in SHA256.items():
        target = data / name
        if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == expected:
            print(f"{name}: already there")
            continue
        content = without_origin(read(name, arguments.folder, arguments.url))
        check(name, content, expected)
        target.write_bytes(content)
        print(f"{name}: {len(content)} bytes")


def parse_arguments() -> argparse.Namespace:
    """Read the command line; the folder may come from ENVSNAP_FASHION_MNIST."""
    parser = argparse.ArgumentParser(description=__doc__)
    folder = os.environ.get("ENVSNAP_FASHION_MNIST", DEBIAN_FOLDER)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(folder), help=f"default: {folder}")
    parser.add_argument("--url", help="download from below this http(s) address instead")
    return parser.parse_args()


def read(name: str, folder: Path, url: str | None) -> bytes:
    """Return one file's bytes, from ``url`` where one is given."""
    try:
        return download(f"{url.rstrip('/')}/{name}") if url else (folder / name).read_bytes()
    except FileNotFoundError:
        sys.exit(
            f"{folder} has no {name}: install Debian's dataset-fashion-mnist, "
            "or give a folder or --url that holds the four .gz files"
        )
    except urllib.error.URLError as error:
        sys.exit(f"{url}: cannot download {name}: {error.reason}")


def download(url: str) -> bytes:
    """Return what stands at an http or https address."""
    if not url.startswith(("http://", "https://")):
        sys.exit(f"{url}: the address must start with http:// or https://")
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - the scheme is checked above
        content: bytes = response.read()
        return content


def without_origin(content: bytes) -> bytes:
    """Return a gzip file with a header that names neither the original file nor its time.

    Distributors differ in just these, so the same bytes, and one lock, serve wherever the data came from.
    """
    if content[:2] != GZIP_HEADER[:2]:
        return content
    start = len(GZIP_HEADER)
    if content[3] & NAME_FLAG:
        start = content.index(b"\0", start) + 1
    return GZIP_HEADER + content[start:]


def check(name: str, content: bytes, expected: str) -> None:
    """End the program where ``content`` is not the file that was published."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        sys.exit(f"{name}: sha256 is {found}, expected {expected}; the source holds another file")


if __name__ == "__main__":
    main()
