#!/bin/sh
# /// borgui
# name = "Notes: dump"
# description = "Writes the notes into a folder that is backed up."
# version = "2.1"
# hooks = ["pre-backup"]
# timeout = 3600
#
# [[parameters]]
# name = "DUMP_DIR"
# label = "Folder of the dump"
# type = "path"
# required = true
# must_be_source = true
#
# [[parameters]]
# name = "NUMBER"
# label = "How many"
# type = "integer"
# default = 3
# ///
set -eu

i=0
while [ "$i" -lt "$NUMBER" ]; do
  i=$((i + 1))
  echo "note $i of $REPOSITORY_NAME"
done >"$DUMP_DIR/notes.txt"
echo "$NUMBER notes written"
