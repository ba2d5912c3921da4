"""The page of studies and reports: the files below one folder that a browser can show."""

from pathlib import Path

from bot.clock import changed_at
from bot.web.views.plain import Json, instant

SHOWN = frozenset({".html", ".md", ".json", ".csv", ".png", ".svg", ".txt"})
MOST_FILES = 500


def reports_page(folder: Path) -> Json:
    """Return the object of `/api/reports`: the newest files first, by their path in the folder."""
    found = [path for path in folder.rglob("*") if is_shown(path, folder)]
    dated = sorted(((changed_at(path), path) for path in found), reverse=True)
    return {
        "folder": folder.name,
        "total": len(dated),
        "files": [
            {
                "path": path.relative_to(folder).as_posix(),
                "changed_at": instant(at),
                "bytes": path.stat().st_size,
            }
            for at, path in dated[:MOST_FILES]
        ],
    }


def is_shown(path: Path, folder: Path) -> bool:
    """Tell whether a file may be served: a readable kind, and truly below the folder."""
    return (
        path.suffix in SHOWN and path.is_file() and path.resolve().is_relative_to(folder.resolve())
    )
