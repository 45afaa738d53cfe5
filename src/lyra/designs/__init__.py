"""Who could have been treated: drawn, counted, enumerated."""

from lyra.designs.designs import *  # noqa: F403
