"""Door of certificates on disk: `Certificate.from_json` reads one back, judged again by what it holds."""

from lyra.verdict.certificate import Certificate

__all__ = ["Certificate"]
