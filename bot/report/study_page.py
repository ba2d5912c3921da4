"""The page of a study, from what claims.json holds and its pictures."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.report.page import rendered
from market.errors import ConfigError

CLAIMS_FILE, PAGE_FILE, PICTURES = "claims.json", "report.html", "pictures"
CREDIT_SHARE = "the same as a part of the credit"


def study_page(told: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    """Return the page of a study."""
    claims = told["claims"]
    counts = Counter(claim["verdict"] for claim in claims)
    base = next(book for book in told["books"] if book["is_base"])
    errors = {row["what"]: row["value"] for row in told["model_error"]["errors"]}
    return rendered(
        "study.html.j2",
        title="Does the hedge do what it claims?",
        by_id={claim["id"]: claim for claim in claims},
        counts={name: counts[name] for name in ("supported", "refuted", "undecided")},
        base=base,
        card=told["scorecard"],
        condor_error=errors[CREDIT_SHARE],
        sessions=told["tearsheet"]["with_hedge"]["sessions"],
        pictures=pictures,
        **{name: told[name] for name in _NAMES},
    )


_NAMES = (
    "study",
    "start_nlv",
    "real_and_modelled",
    "model_error",
    "books",
    "claims",
    "stress",
    "tearsheet",
    "skipped",
    "command",
)


def write_study(out: Path, told: Mapping[str, Any], pictures: Mapping[str, str]) -> Path:
    """Write claims.json, the pictures and the page into a folder; return the page's path."""
    folder = out / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in pictures.items():
        (folder / f"{name}.svg").write_text(_standalone(svg), encoding="utf-8")
    text = json.dumps(told, indent=1, ensure_ascii=False)
    (out / CLAIMS_FILE).write_text(text + "\n", encoding="utf-8")
    page = out / PAGE_FILE
    page.write_text(study_page(told, pictures), encoding="utf-8")
    return page


def _standalone(svg: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\n{svg}\n'


def read_study(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what a study's folder holds: its figures and its pictures.

    Raises:
        ConfigError: the folder holds no study.
    """
    path = folder / CLAIMS_FILE
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ConfigError(
            f"{path} cannot be read; name a folder that `alvh study claims --out` has written."
        ) from None
    except ValueError:
        raise ConfigError(f"{path} is no valid JSON; run `alvh study claims` again.") from None
    pictures = {
        item.stem: item.read_text(encoding="utf-8").partition("\n")[2].strip()
        for item in sorted((folder / PICTURES).glob("*.svg"))
    }
    return told, pictures
