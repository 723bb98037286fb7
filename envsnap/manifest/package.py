"""A package of the environment: its PEP 751 entry and how it was found installed."""

from typing import Annotated, Literal

import msgspec
from packaging.utils import canonicalize_name

from envsnap.manifest.build_spec import IndexUrl
from envsnap.manifest.model import Model, OpenModel

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\Z", max_length=256)]
"""A normalised project name."""
Version = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]*\Z", max_length=256)]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]*\Z", max_length=512)]
Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s\x00-\x1f\x7f'\"\\$`;#]+\Z", max_length=4096)]
HexDigest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64,128}\Z")]
HashName = Annotated[str, msgspec.Meta(pattern=r"^sha(256|384|512)\Z")]
"""The algorithms that pip and uv accept under ``--require-hashes``, md5 left out: it proves nothing."""
Hashes = Annotated[dict[HashName, HexDigest], msgspec.Meta(min_length=1)]
WheelPath = Annotated[str, msgspec.Meta(pattern=r"^\.envsnap/wheels/[A-Za-z0-9][A-Za-z0-9.!+_-]*\Z", max_length=512)]
"""These patterns are why a manifest, which is untrusted, can reach a Dockerfile, a requirements file and a path.

They end in ``\\Z``: ``$`` also matches before a newline at the end (https://docs.python.org/3/library/re.html).
"""

Evidence = Literal["direct-url", "index-verified", "index-inferred", "local-file", "repacked", "working-tree", "none"]
"""How sure it is that the recorded artefact is the installed one; :class:`InstalledRecord` tells what each means."""


Origin = Literal[
    "site-packages", "dist-packages", "user-site", "base", "pythonpath", "pth", "standard-library", "other"
]
"""How a folder got onto the search path; :class:`InstalledRecord` tells what each means."""


class Sbom(Model, frozen=True):
    """A bill of materials that a wheel brought in ``.dist-info/sboms`` (PEP 770).

    Args:
        name: of the file.
        sha256: of the file.
    """

    name: str
    sha256: str


class Provenance(Model, frozen=True):
    """provenance_url.json (PEP 710): the file on an index that the installer says it installed.

    Args:
        url: of the file, without credentials.
        hashes: digests by algorithm, as the installer noted them.
    """

    url: str
    hashes: dict[str, str] = {}


class Checkout(Model, frozen=True):
    """The git working tree that an editable installation is imported from.

    Args:
        commit: that was checked out.
        dirty: whether its files differed from the commit.
    """

    commit: str
    dirty: bool = False


class Artefact(OpenModel, frozen=True):
    """A PEP 751 wheel or sdist entry.

    Args:
        name: the file's name.
        hashes: digests by algorithm.
        url: where an index serves it.
        path: where it is kept beside the lock, for a file that no index serves.
        size: in bytes.
        upload_time: when the index received it.
        other_keys: keys of the standard, or of a later one, that envsnap has no use for; they stand beside these.
    """

    name: FileName
    hashes: Hashes
    url: Url | None = None
    path: WheelPath | None = None
    size: int | None = None
    upload_time: str | None = None


class Vcs(OpenModel, frozen=True):
    """PEP 751 ``packages.vcs``: the commit that the package was installed from.

    Args:
        type: ``git``, ``hg``, ``svn`` or ``bzr``.
        url: of the repository, without credentials.
        commit_id: the commit.
        requested_revision: the branch or tag that the user named.
        subdirectory: where the project lies in the repository.
        other_keys: keys of the standard, or of a later one, that envsnap has no use for; they stand beside these.
    """

    type: str
    url: str
    commit_id: str
    requested_revision: str | None = None
    subdirectory: str | None = None


class Directory(OpenModel, frozen=True):
    """PEP 751 ``packages.directory``: the source tree that the package was installed from.

    Args:
        path: relative to the lock where it lies in the project.
        editable: whether Python imports it from there.
        other_keys: keys of the standard, or of a later one, that envsnap has no use for; they stand beside these.
    """

    path: str
    editable: bool = False


ModuleName = Annotated[str, msgspec.Meta(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*\Z", max_length=256)]
SourcePath = Annotated[str, msgspec.Meta(pattern=r"^(?!/)[^\x00-\x1f\x7f]+\Z", max_length=4096)]
"""A place in the project's repository, relative to the project: it may lead out of the project's folder."""
MetadataLine = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z-]+: [^\x00-\x1f\x7f]+\Z", max_length=4096)]


class EditableSource(Model, frozen=True):
    """An editable installation of the project's own code: all that its installation adds to the source.

    A rebuilt environment finds the source in the working tree; what it holds is code, which verify runs and judges, and
    no part of the environment.

    Args:
        roots: folders that it puts on the search path, relative to the project.
        modules: where modules that it finds by name lie, relative to the project; without ``.py`` or ``__init__.py``.
        namespaces: the folders of each namespace package that it finds by name.
        is_built: whether its wheel is built of the working tree anew for each verify, and the job runs that: it has
            extension modules, or a way of its own to find its modules.
        metadata: the lines of METADATA that :mod:`importlib.metadata` is asked for.
        entry_points: by group and name.
    """

    roots: tuple[SourcePath, ...] = ()
    modules: dict[ModuleName, SourcePath] = {}
    namespaces: dict[ModuleName, tuple[SourcePath, ...]] = {}
    is_built: bool = False
    metadata: tuple[MetadataLine, ...] = ()
    entry_points: dict[str, dict[str, str]] = {}


class InstalledRecord(Model, frozen=True):
    """What PEP 751 has no word for.

    ``evidence`` is ``index-verified`` where RECORD inside the index's wheel equals the installed one, or, where the
    index gives no part of a wheel, the hash that it announces for METADATA is that of the installed one (``proof``);
    ``index-inferred`` where name, version and wheel tags fit and the content could not be compared, ``local-file`` for
    a wheel on that machine with an equal RECORD, ``direct-url`` for a wheel installed from a URL that noted its hash,
    ``repacked`` for a wheel made from the installed files, ``working-tree`` for the project's own code, installed
    editable (``editable-source``), ``none`` where there is no artefact.

    In a lock that was resolved from a specification nothing was installed yet: there ``index-verified`` says that the
    content digest was read out of RECORD inside the index's wheel, ``index-inferred`` that RECORD could not be read
    (``content-digest`` is empty, and a rebuilt environment is compared by version; the wheel's hash still pins it), and
    ``repacked`` that the wheel was built from a source folder that the specification names.

    ``origin`` is ``site-packages`` for the environment's own folder, ``dist-packages`` for Debian's, ``user-site`` for
    the user's, ``base`` for that of the interpreter under a virtual environment (``--system-site-packages``),
    ``pythonpath`` and ``pth`` for one that PYTHONPATH or a ``.pth`` file names, ``standard-library`` for Python's own.

    Args:
        tags: the wheel's ``Tag`` lines.
        evidence: how sure it is that the recorded artefact is the installed one.
        content_digest: SHA-256 over RECORD's rows; equal digests mean equal files.
        location: the import root, with ``{prefix}`` and ``{base}`` for the interpreter's folders.
        installer: what INSTALLER says.
        requested: whether a user asked for it, not another package.
        build: the wheel's ``Build`` line.
        rebuilt_digest: the content digest that a rebuilt environment shows, where it is not ``content-digest``: an
            editable installation is rebuilt from a wheel.
        source_digest: of an editable source tree's wheel without its ``.dist-info``: verify compares.
        version: of a source tree, where PEP 751 forbids it in the entry itself.
        reason: why there is no artefact, or why it is not an index's.
        wheel: rebuilds a source tree, where PEP 751 forbids ``wheels`` in the entry itself.
        origin: how the import root got onto the search path.
        owner: whose record of it counts: ``conda``, ``dpkg``, ``rpm``, ``apk``, or else what INSTALLER says, and
            ``unknown`` where it says nothing.
        owner_package: the system's package that holds it.
        editable: true where it was imported from its source tree.
        editable_source: of the project's own code: how a rebuilt environment finds it in the working tree.
        checkout: the git working tree of an editable installation.
        provenance: the file that the installer says it installed.
        sboms: the bills of materials that it brought.
        proof: ``metadata`` where the index's wheel was compared by its METADATA alone; absent for RECORD.
        yanked: why the index withdrew the release; absent where it did not.
    """

    tags: tuple[str, ...]
    evidence: Evidence
    content_digest: str
    location: str
    installer: str = ""
    requested: bool = False
    build: str = ""
    rebuilt_digest: str | None = None
    source_digest: str | None = None
    version: Version | None = None
    reason: str = ""
    wheel: Artefact | None = None
    origin: Origin | None = None
    owner: str = ""
    owner_package: str | None = None
    editable: bool | None = None
    editable_source: EditableSource | None = None
    checkout: Checkout | None = None
    provenance: Provenance | None = None
    sboms: tuple[Sbom, ...] | None = None
    proof: Literal["metadata"] | None = None
    yanked: str | None = None


class Package(OpenModel, frozen=True):
    """One installed package: PEP 751's keys, then ``installed``.

    A source tree (``vcs``, ``directory``) carries no ``wheels`` there (PEP 751 forbids both), so the wheel that
    rebuilds it stands in ``installed.wheel``.

    Args:
        name: normalised project name.
        installed: how it was found installed.
        version: absent for a source tree.
        wheels: the one that was installed.
        sdist: the source archive that an index serves for the same version.
        vcs: the commit that it was installed from.
        directory: the folder that it was installed from.
        index: the index that serves the wheel, without credentials; it alone is asked for this package.
        other_keys: keys of the standard, or of a later one, that envsnap has no use for; they stand beside these.
    """

    name: Name
    installed: InstalledRecord
    version: Version | None = None
    index: IndexUrl | None = None
    wheels: tuple[Artefact, ...] = ()
    sdist: Artefact | None = None
    vcs: Vcs | None = None
    directory: Directory | None = None

    @property
    def installed_version(self) -> str:
        """The version that is installed."""
        return self.version or self.installed.version or ""

    @property
    def label(self) -> str:
        """``name==version``, as a person writes it."""
        return f"{self.name}=={self.installed_version}"

    @property
    def wheel(self) -> Artefact | None:
        """The wheel that rebuilds this package, or None."""
        return self.wheels[0] if self.wheels else self.installed.wheel

    @property
    def is_own_code(self) -> bool:
        """Whether it is the project's own code, which a rebuilt environment finds in the working tree."""
        return self.installed.editable_source is not None

    @property
    def expected_digest(self) -> str:
        """The content digest that a rebuilt environment must show."""
        return self.installed.rebuilt_digest or self.installed.content_digest


def normalise_name(name: str) -> str:
    """Normalise a project name: https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return str(canonicalize_name(name))
