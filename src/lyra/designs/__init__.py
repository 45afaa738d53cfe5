"""Who could have been treated: the lotteries of experiments, drawn, counted and enumerated.

`lotteries` and `dates` hold the laws, `design` what every design can be asked; then the designs: `simple` (users,
clusters), `strata` (strata, matched pairs), `switchback`, `minimax` (the one for carry-over), `adoption` (laws passed
at dates), and `custom`, one of your own; `named` says which one a word means.
"""

from lyra.designs.adoption import Adoption
from lyra.designs.custom import Custom
from lyra.designs.design import ENUMERATION_LIMIT, Design, Layout
from lyra.designs.minimax import MinimaxSwitchback
from lyra.designs.simple import ByCluster, ByUser
from lyra.designs.strata import Pairs, Stratified
from lyra.designs.switchback import Switchback

__all__ = [
    "ENUMERATION_LIMIT",
    "Adoption",
    "ByCluster",
    "ByUser",
    "Custom",
    "Design",
    "Layout",
    "MinimaxSwitchback",
    "Pairs",
    "Stratified",
    "Switchback",
]
