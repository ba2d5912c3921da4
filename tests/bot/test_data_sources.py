"""The table of public files."""

import pytest
from data_samples import sources

from bot.data.kinds import kind_of_file
from bot.data.sources import chosen, read_sources, rebased
from market.errors import ConfigError

GOOD = """
[vix]
file = "vix_daily.csv"
format = "csv"
source = "Cboe"
licence = "own use"
[[vix.parts]]
url = "https://publisher.test/VIX.csv"
"""


def test_every_shipped_source_makes_a_file_that_the_reader_knows() -> None:
    series = {name: kind_of_file(source.file).series for name, source in sources().items()}

    assert series == {name: name for name in sources()}
    assert all(source.source and source.licence for source in sources().values())


@pytest.mark.parametrize(
    ("found", "put", "sentence"),
    [
        ("[vix]", "[vix", "data_sources.toml is no valid TOML: "),
        ('"csv"', '"xml"', "data_sources.toml: vix.format: Input should be "),
        ("https:", "http:", "data_sources.toml: vix.parts.0.url: "),
        ("licence", "license", "data_sources.toml: vix.licence: Field required; correct it."),
    ],
)
def test_a_wrong_table_is_named(found: str, put: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_sources(GOOD.replace(found, put))

    assert str(refused.value).startswith(sentence)


def test_without_a_name_all_are_chosen_and_each_once() -> None:
    assert chosen((), sources()) == tuple(sources())
    assert chosen(("vx", "vix", "vx"), sources()) == ("vx", "vix")


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        (None, "https://publisher.test/graph.csv?id=DTB3"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/graph.csv?id=DTB3"),
        ("http://mirror.test/cache/", "http://mirror.test/cache/graph.csv?id=DTB3"),
    ],
)
def test_a_mirror_stands_in_place_of_the_host(base_url: str | None, address: str) -> None:
    assert rebased("https://publisher.test/graph.csv?id=DTB3", base_url) == address
