"""YAML of a specification -> plain tables; text that is no YAML, or that is made to break a reader, is an error."""

from envsnap.errors import InvalidFileError
from envsnap.lock.specification.specification_file import SourceFile


def parse_yaml(source: SourceFile) -> object:
    """Read the one document in a file.

    Raises:
        InvalidFileError: not YAML; names the line. Aliases, which can blow a small file up to gigabytes, are refused.
    """
    import yaml

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster on a conda-lock.yml
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(source.text, Loader=loader_class)):
            raise InvalidFileError(f"{source.name}: it uses YAML aliases (*name): write the values out")
        return yaml.load(source.text, Loader=loader_class)  # noqa: S506 - both are safe loaders
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InvalidFileError(f"{source.name}{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidFileError(f"{source.name}: not valid YAML: {error}") from error
