"""Print the lowest versions that pyproject.toml declares, a line each, as constraints for pip."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
for need in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
    name, floor = re.match(r"([A-Za-z0-9._-]+)>=([0-9.]+)", need).groups()
    print(f"{name}=={floor}")  # noqa: T201
