"""The certificate: its file, which is read back, and its printed form."""

import json
import math
from dataclasses import replace

from lyra.verdict.certificate import Certificate


def test_a_certificate_is_read_back(cert, tmp_path):
    path = tmp_path / "certificate.json"
    cert.to_json(path)
    read = Certificate.from_json(path)
    assert math.isnan(read.rows[1].mean_se)
    assert read.to_dict() == cert.to_dict()
    assert read.verdicts == cert.verdicts
    assert read.recommended is None
    assert str(read) == str(cert)
    sound = replace(cert, rows=cert.rows[:1])
    sound.to_json(path)
    assert Certificate.from_json(path) == sound


def test_the_file_is_strict_json_with_the_promised_fields(cert, tmp_path):
    path = tmp_path / "certificate.json"
    infinite = replace(cert.rows[0], width=math.inf)
    replace(cert, rows=(infinite, cert.rows[1])).to_json(path)

    def refuse(constant):
        raise AssertionError(constant)

    document = json.loads(path.read_text(), parse_constant=refuse)
    cell = document["cells"][0]
    assert {"design", "method", "replicates", "rejections", "size", "size_low", "size_high", "inflation"} <= set(cell)
    assert {"mean_se", "sd_estimate", "coverage", "verdict", "flags"} <= set(cell)
    assert {"cells", "recommended", "seed", "digest", "config", "data"} <= set(document)


def test_the_printed_form_has_the_order_of_ademp(cert):
    text = str(cert)
    places = [text.index(word) for word in ("Aim:", "Data:", "Estimand:", "Methods:", "20 clusters", "Read ", "seed 1")]
    assert places == sorted(places)
    assert "uncertified" in text


def test_columns(cert):
    table = cert.table()
    assert table["method"] == ["iid", "CV3"]
    assert {len(column) for column in table.values()} == {2}
