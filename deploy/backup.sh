#!/usr/bin/env bash
# Copies a journal while the bot runs, proves the copy, keeps the newest copies.
#   backup.sh RUN_FOLDER BACKUP_FOLDER [KEEP=30]
# A journal in PostgreSQL: pg_dump --format=custom DATABASE > FILE.dump
set -euo pipefail
umask 077
run=${1:?name the folder of the run}
target=${2:?name the folder of the backups}
keep=${3:-30}
alvh=${ALVH:-alvh}
mkdir -p "$target"
stamp=$(date -u +%Y%m%dT%H%M%SZ)
for name in journal exchange; do
  [ -f "$run/$name.db" ] || continue
  copy="$target/$name-$stamp.db"
  # A consistent copy of a file that is being written, in one transaction.
  sqlite3 -readonly "$run/$name.db" ".backup '$copy'"
done
[ -f "$target/journal-$stamp.db" ] || { echo "backup: $run holds no journal.db" >&2; exit 2; }
"$alvh" journal verify "$target/journal-$stamp.db"
for name in journal exchange; do
  find "$target" -maxdepth 1 -name "$name-*.db" | sort -r | tail -n +"$((keep + 1))" | xargs -r rm --
done
