from envsnap.manifest.phrases import join_names, plural


def test_many_names_are_counted() -> None:
    """A cell of a table does not take a hundred."""
    assert "a, b, c and 2 more" == join_names("abcde")
    assert "a, b" == join_names("ab")


def test_one_is_no_plural() -> None:
    assert ("0 values", "1 value", "2 values") == tuple(plural(count, "value") for count in range(3))
