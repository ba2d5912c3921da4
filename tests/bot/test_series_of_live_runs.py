"""What a run that outlived its history says of its series when it ends."""

from datetime import date

from bot.world import World


def test_a_run_past_the_history_it_began_with_tells_where_that_came_from(world: World) -> None:
    first = world.history.sessions[world.history.last_index]

    told = world.series(first, date(2030, 1, 2))

    assert (told["spx"], told["vix"], told["vx"], told["vix1d"]) == (
        "real",
        "real",
        "modelled",
        "absent",
    )
