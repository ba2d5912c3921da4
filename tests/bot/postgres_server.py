"""A PostgreSQL server of one's own for the tests: made, started, and gone afterwards."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

USER = "alvh"
INSTALLED = Path("/usr/lib/postgresql")
SECONDS_TO_START = 30


def server_binaries() -> Path | None:
    """Return the folder of initdb and pg_ctl, the newest one installed, or None."""
    found = shutil.which("pg_ctl")
    if found is not None and shutil.which("initdb") is not None:
        return Path(found).resolve().parent
    folders = sorted(INSTALLED.glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None


class Server:
    """A running server that makes databases."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._count = 0

    def database(self) -> str:
        """Return the URL of a new, empty database."""
        import psycopg  # noqa: PLC0415 - needed only where a server is

        self._count += 1
        name = f"journal_{self._count}"
        with psycopg.connect(
            host=str(self._socket), user=USER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type, unused-ignore]
        return f"postgresql+psycopg://{USER}@/{name}?host={self._socket}"


@contextmanager
def running_server(binaries: Path) -> Iterator[Server]:
    """Run a server on a socket in a folder of its own; as root, under the user `postgres`."""
    folder = Path(mkdtemp(prefix="alvh-pg-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(binaries / program), "-D", str(folder / "data"), *arguments],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=SECONDS_TO_START * 2,
        )

    try:
        call("initdb", "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-k {folder} -h '' -c fsync=off"
        log = str(folder / "log")
        call("pg_ctl", "-w", "-t", str(SECONDS_TO_START), "-l", log, "-o", options, "start")
        try:
            yield Server(folder)
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
