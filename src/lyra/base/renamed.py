"""Keywords that have a new name: the old one is refused in one sentence that says the new one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from lyra.base.text import option
from lyra.errors import InputError

__all__ = ["old_name", "refuse_old", "renamed", "renamed_fields"]

P = ParamSpec("P")
T = TypeVar("T")


def refuse_old(old: str, new: str, value: object) -> None:
    """Refuse a keyword by its old name.

    Examples
    --------
    >>> refuse_old("level", "cluster_by", "unit")
    Traceback (most recent call last):
        ...
    lyra.errors.InputError: `level` is now `cluster_by`: write cluster_by='unit'.
    """
    raise InputError(f"{old_name(old, new)}: write {option(new, value)}.")


def old_name(old: str, new: str) -> str:
    """Return that a keyword has a new name.

    Examples
    --------
    >>> old_name("level", "cluster_by")
    '`level` is now `cluster_by`'
    """
    names = (option(name).removesuffix("=") for name in (old, new))
    return " is now ".join(f"`{name}`" for name in names)


def renamed(**names: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator that refuses old keywords by their new names, and leaves the signature as it is.

    Examples
    --------
    >>> @renamed(level="cluster_by")
    ... def clusters(cluster_by="cluster"):
    ...     return cluster_by
    >>> clusters(cluster_by="unit")
    'unit'
    >>> clusters(level="unit")
    Traceback (most recent call last):
        ...
    lyra.errors.InputError: `level` is now `cluster_by`: write cluster_by='unit'.
    """

    def decorated(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def asked(*args: P.args, **given: P.kwargs) -> T:
            for old, new in names.items():
                if old in given:
                    refuse_old(old, new, given[old])
            return function(*args, **given)

        return asked

    return decorated


def renamed_fields(**names: str) -> Callable[[type[T]], type[T]]:
    """Return a decorator of a class that refuses the old names of its fields."""

    def decorated(record: type[T]) -> type[T]:
        setattr(record, "__init__", renamed(**names)(record.__init__))  # noqa: B010  no assignment to a method
        return record

    return decorated
