"""Two types of DuckDB -> the narrowest type that holds the values of both without loss."""

from __future__ import annotations

import re

__all__ = ["FLOATS", "NULL", "SIGNED", "TEXT", "UNSIGNED", "wider"]

NULL = '"NULL"'  # the type of a column that holds no value
TEXT = "VARCHAR"
SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "UTINYINT": 3, "USMALLINT": 5, "UINTEGER": 10}
FLOATS = ("FLOAT", "DOUBLE")
TIMES = ("DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS")


def wider(left: str | None, right: str) -> str | None:
    """Return the narrowest type that holds all values of both, or None."""
    if left is None or left == right:
        return left
    if NULL in (left, right):
        return right if left == NULL else left
    rules = (_wider_integer, _wider_decimal, _wider_float, _wider_time, _wider_text)
    return next((found for rule in rules if (found := rule(left, right))), None)


def _wider_integer(left: str, right: str) -> str | None:
    for family in (SIGNED, UNSIGNED):
        if left in family and right in family:
            return max(left, right, key=family.index)
    signed, unsigned = (left, right) if left in SIGNED else (right, left)
    if signed in SIGNED and unsigned in UNSIGNED[:-1]:
        return SIGNED[max(SIGNED.index(signed), UNSIGNED.index(unsigned) + 1)]
    return None


def _wider_float(left: str, right: str) -> str | None:
    """Return DOUBLE for floats beside floats, integers (whose size is looked at later) or short decimals."""
    if left not in FLOATS and right not in FLOATS:
        return None
    others = [dtype for dtype in (left, right) if dtype not in FLOATS]
    return "DOUBLE" if all(other in SIGNED + UNSIGNED or _digits(other) <= 15 for other in others) else None


def _wider_decimal(left: str, right: str) -> str | None:
    shapes = [_shape(left), _shape(right)]
    if None in shapes or not any(dtype.startswith("DECIMAL") for dtype in (left, right)):
        return None
    whole = max(shape[0] for shape in shapes if shape)
    scale = max(shape[1] for shape in shapes if shape)
    return f"DECIMAL({whole + scale},{scale})" if whole + scale <= 38 else None


def _wider_time(left: str, right: str) -> str | None:
    if left not in TIMES or right not in TIMES:
        return None
    return "TIMESTAMP_NS" if "TIMESTAMP_NS" in (left, right) else "TIMESTAMP"


def _wider_text(left: str, right: str) -> str | None:
    return TEXT if all(dtype == TEXT or dtype.startswith("ENUM(") for dtype in (left, right)) else None


def _shape(dtype: str) -> tuple[int, int] | None:
    """Return the digits before and after the point."""
    found = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", dtype)
    if found:
        return int(found[1]) - int(found[2]), int(found[2])
    return (DIGITS[dtype], 0) if dtype in DIGITS else None


def _digits(dtype: str) -> float:
    shape = _shape(dtype) if dtype.startswith("DECIMAL") else None
    return sum(shape) if shape else float("inf")
