"""A file that was written by hand is no certificate."""

import json

import pytest

from lyra.errors import DataError
from lyra.verdict.certificate import Certificate


@pytest.mark.parametrize("content", ["not json", "[]", "{}", '{"cells": [{"design": "a"}]}', '{"cells": 3}'])
def test_a_file_that_is_no_certificate(content, tmp_path):
    path = tmp_path / "certificate.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"certificate\.json is not a certificate \(.*\): write one with to_json\.$"):
        Certificate.from_json(path)


def told_of(tmp_path, cert, **changed):
    """Return what is said of a certificate with fields of its file, or of its first cell, changed."""
    path = tmp_path / "certificate.json"
    document = cert.to_dict()
    document["cells"] = [dict(document["cells"][0]) | changed.pop("cell", {}), *document["cells"][1:]]
    path.write_text(json.dumps(document | changed))
    with pytest.raises(DataError) as caught:
        Certificate.from_json(path)
    return str(caught.value).removeprefix(f"{path} is not a certificate (").removesuffix("): write one with to_json.")


FORGED = "the verdict {!r} of iid in '20 clusters' does not follow from its counts"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"cell": {"verdict": "certified"}}, FORGED.format("certified")),
        ({"cell": {"verdict": "never rejects"}}, FORGED.format("never rejects")),
        ({"cell": {"verdict": "xuncertified"}}, FORGED.format("xuncertified")),
        ({"cell": {"verdict": ""}}, FORGED.format("")),
        ({"cell": {"rejections": 12}}, FORGED.format("uncertified")),
        ({"cell": {"not_computable": 501}}, FORGED.format("uncertified")),
        ({"cell": {"replicates": 0}}, FORGED.format("uncertified")),
        ({"cell": {"size": 0.05}}, FORGED.format("uncertified")),
        ({"cell": {"size_low": 0.0, "size_high": 0.0, "size": 0.0}}, FORGED.format("uncertified")),
        ({"tolerance": 20.0, "alpha": 0.04}, FORGED.format("uncertified")),
        ({"recommended": "iid"}, "'iid' is recommended and is not certified in every design"),
        ({"recommended": "CV9"}, "'CV9' is recommended and is not certified in every design"),
        ({"cell": {"extra": 1}}, "a cell has an unknown field 'extra'"),
        ({"extra": {"a": 1}}, "it has an unknown field 'extra'"),
        ({"cell": {"verdict": 3}}, "Expected `str`, got `int` - at `$.verdict`"),
        ({"cell": {"replicates": 1e9}}, "Expected `int`, got `float` - at `$.replicates`"),
        ({"alpha": 5.0}, "the verdict's alpha must be between 0 and 1, got 5: change it"),
    ],
)
def test_a_certificate_that_was_written_by_hand(changed, told, cert, tmp_path):
    """Its iid line, with one treated cluster of 20, rejects far too often."""
    assert cert.rows[0].verdict == "uncertified"
    assert told_of(tmp_path, cert, **dict(changed)) == told


@pytest.mark.parametrize("text", ["[" * 200_000, '{"cells": ' * 100_000, '{"cells": [' + "[" * 100_000])
def test_a_certificate_nested_without_end(text, tmp_path):
    path = tmp_path / "certificate.json"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        Certificate.from_json(path)
    assert str(caught.value) == f"{path} is not a certificate (nested too deeply): write one with to_json."


def test_a_certificate_of_many_megabytes(tmp_path):
    path = tmp_path / "certificate.json"
    path.write_bytes(b" " * (2**24 + 1))
    with pytest.raises(DataError, match=r"\(it has more than 16,777,216 bytes\)"):
        Certificate.from_json(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"is not a certificate .*No such file"):
        Certificate.from_json(tmp_path / "none.json")
