"""Bot and exchange die by SIGKILL over a replayed quarter, and nothing is lost or done twice."""

from played import played

PROGRAM, SEED = "chaos.py", "2018"
LEAST_KILLS = 40


def test_forty_kills_change_nothing() -> None:
    code, told, words = played(PROGRAM, SEED, "--kills", str(LEAST_KILLS))

    found = {name: told[name] for name in ("lost", "doubled", "unequal_books", "trouble")}
    assert found == {"lost": 0, "doubled": 0, "unequal_books": 0, "trouble": []}, words
    assert told["kills"] >= LEAST_KILLS
    assert told["orders"] > 0 < told["settlements"]
    assert code == 0


def test_the_kill_test_notices_an_exchange_that_forgets() -> None:
    code, told, _ = played(PROGRAM, SEED, "--kills", "6", "--rounds", "1", "--forget")

    assert code == 1
    assert told["trouble"]
