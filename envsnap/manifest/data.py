"""The inputs of the job."""

from envsnap.manifest.model import Model


class Datum(Model, frozen=True):
    """One input of the job.

    Args:
        path: relative to the project, or absolute.
        size: in bytes; of a folder, the sum of its files.
        sha256: of the file, or of a folder's listing.
        files: how many files a folder holds; 0 for a file.
        tracked_by: ``dvc`` where DVC records a version of it.
        tracked_hash: that version: the MD5 of a file; of a folder with ``.dir`` behind it.
    """

    path: str
    size: int
    sha256: str
    files: int = 0
    tracked_by: str = ""
    tracked_hash: str = ""
