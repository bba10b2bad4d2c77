#!/bin/sh
# /// borgui
# name = "Demo: dump the database"
# description = "Writes a dump into the source, to a temporary name first."
# version = "1.0"
# hooks = ["pre-backup"]
# timeout = 60
#
# [[parameters]]
# name = "DUMP"
# label = "Where the dump goes"
# type = "path"
# required = true
# must_be_source = true
# ///
set -eu

echo "dumping to $DUMP"
printf 'create table notes (text);\n-- dumped %s\n' "$BACKUP_TIMESTAMP" > "$DUMP.new"
mv "$DUMP.new" "$DUMP"
