"""The profile paper dies by SIGKILL before the gateway emulator, and its book is true after all."""

from played import played

PROGRAM, SEED = "gateway_chaos.py", "20"
LEAST_KILLS = 12


def test_twelve_kills_before_the_gateway_leave_equal_books() -> None:
    code, told, words = played(PROGRAM, SEED, "--kills", str(LEAST_KILLS))

    found = {name: told[name] for name in ("lost", "doubled", "unequal_books", "trouble")}
    assert found == {"lost": 0, "doubled": 0, "unequal_books": 0, "trouble": []}, words
    assert told["kills"] >= LEAST_KILLS
    assert told["orders"] > 0 < told["settlements"]
    assert code == 0


def test_the_kill_test_notices_a_bot_that_forgets() -> None:
    code, told, _ = played(PROGRAM, SEED, "--kills", "4", "--rounds", "1", "--forget")

    assert code == 1
    assert told["trouble"] or told["unequal_books"]
