#!/usr/bin/env bash
# Puts a backup in place of a run's journal; the old files are kept beside it. The bot must be stopped.
#   restore.sh BACKUP_FOLDER/journal-STAMP.db RUN_FOLDER
# A journal in PostgreSQL: pg_restore --clean --dbname=DATABASE FILE.dump
set -euo pipefail
umask 077
backup=${1:?name the backup of the journal}
run=${2:?name the folder of the run}
alvh=${ALVH:-alvh}
"$alvh" journal verify "$backup"
if command -v fuser >/dev/null && [ -f "$run/journal.db" ] && fuser -s "$run/journal.db"; then
  echo "restore: $run/journal.db is in use; stop the bot first" >&2
  exit 2
fi
mkdir -p "$run"
stamp=$(date -u +%Y%m%dT%H%M%SZ)
for name in journal exchange; do
  source=${backup/journal-/$name-}
  [ -f "$source" ] || continue
  for old in "$run/$name.db" "$run/$name.db-wal" "$run/$name.db-shm"; do
    [ ! -e "$old" ] || mv -- "$old" "$old.before-$stamp"
  done
  cp -- "$source" "$run/$name.db"
done
"$alvh" journal verify "$run/journal.db"
echo "restored; start the bot and look at its overview"
