"""A TOML file -> worlds, designs, analyses: lists make a grid, and what does not fit is refused by its path."""

from __future__ import annotations

import pytest

from lyra.config import read_config
from lyra.designs import Adoption, ByCluster, ByUser, Switchback
from lyra.errors import DataError, InputError
from lyra.robust.methods import LADDER
from lyra.simulation.analysis import Analysis
from lyra.simulation.regressor_world import RegressorWorld
from lyra.simulation.world import World

WORLD = "[world]\nn_clusters = 10\n"


@pytest.fixture
def read(tmp_path):
    def reading(text):
        path = tmp_path / "asked.toml"
        path.write_text(text, encoding="utf-8")
        return read_config(path)

    return reading


# --- what is meant ------------------------------------------------------------------------------


def test_a_world_alone_has_the_settings_of_the_library(read):
    config = read(WORLD)
    assert config.worlds == {"": World(10)}
    assert config.designs == {"nothing assigned": None}
    assert config.analyses == {"": Analysis("cluster", ())}
    assert config.options == {
        "seed": 0,
        "methods": LADDER,
        "alpha": 0.05,
        "tolerance": 1.25,
        "first": 500,
        "maximum": None,
        "weights": "auto",
    }


def test_every_setting_is_read(read):
    config = read(
        'seed = 7\nmethods = ["CV2"]\nalpha = 0.1\ntolerance = "liberal"\nfirst = 1000\nmaximum = 2000\n'
        'weights = "webb"\n' + WORLD
    )
    assert config.options == {
        "seed": 7,
        "methods": ("CV2",),
        "alpha": 0.1,
        "tolerance": 1.5,  # the named tolerance of the verdict's rule
        "first": 1000,
        "maximum": 2000,
        "weights": "webb",
    }


def test_lists_make_a_grid_in_the_order_of_the_fields(read):
    worlds = read("[world]\nn_clusters = [10, 20]\nicc = [0.0, 0.1]\n").worlds
    assert list(worlds) == [
        "n_clusters=10, icc=0.0",
        "n_clusters=10, icc=0.1",
        "n_clusters=20, icc=0.0",
        "n_clusters=20, icc=0.1",
    ]
    assert worlds["n_clusters=20, icc=0.1"] == World(20, icc=0.1)


def test_sizes_of_clusters_are_one_value_and_not_a_grid(read):
    assert read("[world]\nn_clusters = 3\ncluster_size = [3, 4, 5]\n").worlds == {"": World(3, cluster_size=(3, 4, 5))}


def test_several_worlds_go_by_name_or_place(read):
    worlds = read(
        '[[world]]\nname = "thick"\nn_clusters = 10\n[[world]]\nkind = "regressor"\nn_clusters = [5, 6]\n'
        "[[world]]\nn_clusters = 9\n"
    ).worlds
    assert worlds == {
        "thick": World(10),
        "world[1], n_clusters=5": RegressorWorld(5),
        "world[1], n_clusters=6": RegressorWorld(6),
        "world[2]": World(9),
    }


def test_designs_go_by_their_titles_and_by_their_values_where_titles_are_equal(read):
    designs = read(
        WORLD + '[[design]]\nkind = "switchback"\nblock = [4, 12]\n[[design]]\nkind = "user"\ntreated = ["half", 0.3]\n'
        '[[design]]\ntreated = 3\n[[design]]\nname = "mine"\n[[design]]\nkind = "none"\n'
    ).designs
    assert designs == {
        "switchback, blocks of 4": Switchback(4),
        "switchback, blocks of 12": Switchback(12),
        "user-randomised, treated=half": ByUser("half"),
        "user-randomised, treated=0.3": ByUser(0.3),
        "cluster-randomised, 3 treated": ByCluster(3),
        "mine": ByCluster(),
        "nothing assigned": None,
    }


def test_an_adoption_has_a_list_of_dates_and_several_numbers_of_adopters(read):
    designs = read(WORLD + '[[design]]\nkind = "adoption"\ntreated = [3, "half"]\ndates = [2, 3]\n').designs
    assert designs == {
        "staggered adoption, 3 adopting, dates 2, 3": Adoption(3, (2, 3)),
        "staggered adoption, half adopting, dates 2, 3": Adoption("half", (2, 3)),
    }


def test_analyses_say_what_they_cluster_on_and_adjust_for(read):
    analyses = read(WORLD + '[analysis]\ncluster_by = ["cluster", "unit"]\ncovariates = ["pre", "stratum"]\n').analyses
    assert analyses == {
        "clustered by cluster, adjusted for pre, stratum": Analysis("cluster", ("pre", "stratum")),
        "clustered by unit, adjusted for pre, stratum": Analysis("unit", ("pre", "stratum")),
    }


def test_one_analysis_needs_no_name(read):
    assert read(WORLD + '[analysis]\ncluster_by = "unit"\n').analyses == {"": Analysis("unit")}


# --- refused ------------------------------------------------------------------------------------

FIELDS = (
    "there is 'n_clusters', 'cluster_size', 'outcome', 'base_rate', 'icc', 'icc_scale', 'effect', 'windows', "
    "'icc_window', 'ar1', 'period_shock', 'carryover' and 8 more"
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[world]\nn_clusters = 10\ncluster_sise = 3\n",
            f"world has an unknown field 'cluster_sise': did you mean 'cluster_size'? {FIELDS}.",
        ),
        (
            WORLD + "[[design]]\n[[design]]\ntreatd = 3\n",
            "design[1] has an unknown field 'treatd': did you mean 'treated'? there is 'treated', 'kind', 'name'.",
        ),
        (
            WORLD + '[design]\nkind = "none"\ntreated = 3\n',
            "design has an unknown field 'treated': there is 'kind', 'name'.",
        ),
        (
            "seeed = 1\n" + WORLD,
            (
                "the file has an unknown field 'seeed': did you mean 'seed'? there is 'seed', 'methods', 'alpha', "
                "'tolerance', 'first', 'maximum', 'weights', 'world', 'design', 'analysis'."
            ),
        ),
        (
            '[world]\nkind = "agnets"\nn_clusters = 10\n',
            "world.kind = 'agnets' is unknown: did you mean 'agents'? there is 'agents', 'regressor'.",
        ),
        (
            WORLD + '[[design]]\nkind = "paris"\n',
            (
                "design[0].kind = 'paris' is unknown: did you mean 'pairs'? there is 'cluster', 'user', 'stratified', "
                "'pairs', 'switchback', 'minimax', 'adoption', 'none'."
            ),
        ),
        ('[world]\nkind = ["agents"]\n', "world.kind = ['agents'] is not text: put one word in quotes."),
        ("[world]\nname = 3\n", "world.name = 3 is not text: put one word in quotes."),
        ("world = 3\n", "world = 3 is not a table: write its fields below [world]."),
        (
            'design = "cluster"\n' + WORLD,
            "design = 'cluster' is not a table: write its fields below [design].",
        ),
        (
            'design = ["cluster"]\n' + WORLD,
            "design[0] = 'cluster' is not a table: write its fields below [design].",
        ),
        ('[world]\nn_clusters = "ten"\n', "world does not fit: Expected `int`, got `str` - at `world.n_clusters`."),
        ('seed = "a"\n' + WORLD, "the file does not fit: Expected `int`, got `str` - at `seed`."),
        (
            WORLD + '[[analysis]]\ncovariates = "pre"\n',
            "analysis[0] does not fit: Expected `array`, got `str` - at `analysis[0].covariates`.",
        ),
        ("[world]\nicc = 0.1\n", "world does not fit: Object missing required field `n_clusters`."),
        ("[world]\nn_clusters = []\n", "world.n_clusters is an empty list: give it a value."),
        (
            '[world]\nn_clusters = 10\noutcome = "conversion"\nbase_rate = 0.05\nicc = 0.99\n',
            (
                "world does not fit: an ICC of 0.99 cannot be planted in a conversion at base_rate=0.05; the "
                "attainable range is 0 to 0.927, so lower it or plant it latent."
            ),
        ),
        (
            "[world]\nn_clusters = 1\n",
            "world does not fit: n_clusters=1 is out of range; it must be a whole number, 2 or more.",
        ),
        (
            WORLD + "[[analysis]]\n[[analysis]]\n",
            "analysis[1] is called 'clustered by cluster' like one before it: give each its own, such as name = 'b'.",
        ),
    ],
)
def test_what_does_not_fit(read, text, told):
    with pytest.raises(InputError) as caught:
        read(text)
    assert str(caught.value) == told


def test_an_unknown_tolerance(read):
    with pytest.raises(InputError) as caught:
        read('tolerance = "strict"\n' + WORLD).options  # noqa: B018
    assert str(caught.value) == (
        "there is no tolerance named 'strict': did you mean 'stringent'? there is 'stringent', 'default', 'liberal'."
    )


def test_no_world(tmp_path):
    path = tmp_path / "empty.toml"
    path.write_text("seed = 3\n")
    with pytest.raises(InputError) as caught:
        read_config(path)
    assert str(caught.value) == f"'{path}' has no [world]: say what is drawn, such as n_clusters = 50 below [world]."


def test_no_toml(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("seed = = 3\n")
    with pytest.raises(DataError) as caught:
        read_config(path)
    assert str(caught.value) == f"'{path}' is not TOML: Invalid value (at line 1, column 8)."


def test_no_text(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"binary\.toml' is not TOML: 'utf-8' codec can't decode byte 0xff"):
        read_config(path)


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 5_000 + "]" * 5_000, "x = " + "{a = " * 5_000 + "1" + "}" * 5_000],
    ids=["lists", "tables"],
)
def test_nested_without_end(tmp_path, text):
    path = tmp_path / "deep.toml"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_config(path)
    assert str(caught.value) == f"'{path}' is not a config: its lists and tables are nested too deeply."


def test_a_long_file(tmp_path):
    path = tmp_path / "long.toml"
    path.write_text("#" * (2**20 + 1))
    with pytest.raises(DataError) as caught:
        read_config(path)
    assert str(caught.value) == (
        f"'{path}' is not TOML: a config has at most 1,048,576 bytes and this file has 1,048,577."
    )


def test_a_grid_without_end(read):
    sizes = ", ".join(str(n) for n in range(2, 35))
    with pytest.raises(InputError) as caught:
        read(f"[world]\nn_clusters = [{sizes}]\nwindows = [{sizes}]\n")
    assert str(caught.value) == "world makes 1,089 combinations of its lists, and 1,000 is the most."


def test_no_file(tmp_path):
    path = tmp_path / "none.toml"
    with pytest.raises(DataError) as caught:
        read_config(path)
    assert str(caught.value) == f"'{path}' cannot be read (No such file or directory): check the path."


def test_an_old_field_is_refused_by_name(read):
    for place, head in (("analysis", "[analysis]"), ("analysis[0]", "[[analysis]]")):
        with pytest.raises(InputError) as refused:
            read(WORLD + f'{head}\nlevel = ["cluster", "unit"]\n')
        told = f'{place}: `level` is now `cluster_by`: write cluster_by = ["cluster", "unit"].'
        assert str(refused.value) == told


def test_a_switchback_says_its_block_pattern_and_washout(read):
    designs = read(
        WORLD + '[design]\nkind = "switchback"\nblock = 4\npattern = ["random", "alternating"]\nwashout = [0, 1]\n'
    ).designs
    assert list(designs.values()) == [
        Switchback(4),
        Switchback(4, washout=1),
        Switchback(4, pattern="alternating"),
        Switchback(4, pattern="alternating", washout=1),
    ]
