"""How an output of text writes its values, where the file alone does not tell."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.model import Model


class Layout(Model, frozen=True):
    """Of a table, or of numbers in text; what is not given is found out from the file.

    Args:
        header: whether the first row of a CSV file names the columns; absent: it does unless it holds numbers alone.
        delimiter: what separates cells; absent: a comma, or what the csv module finds in a first row without one.
        decimal: the decimal point.
        index: the column whose cells name the rows.
        precision: what the numbers were before they were printed: its tolerance then is the default one, and no
            tolerance is narrower than the last digit that is printed.
    """

    header: bool | None = None
    delimiter: Annotated[str, msgspec.Meta(pattern=r"^[\t !#-&*,/:;|~]\Z")] | None = None
    decimal: Literal[".", ","] = "."
    index: str | None = None
    precision: Literal["float32", "float64"] | None = None
