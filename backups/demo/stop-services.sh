#!/bin/sh
# /// borgui
# name = "Demo: stop the services"
# description = "Writes down which services run, then stops exactly those."
# version = "1.0"
# hooks = ["pre-backup"]
# timeout = 60
# interrupts = "Demo shop"
#
# [[parameters]]
# name = "SERVICES"
# label = "Folder with one file per service"
# type = "path"
# required = true
# ///
set -eu

# First the note, then the deed: after a crash the note says what has to be started again.
grep -lx running "$SERVICES"/* > "$STATE_DIR/stopped.new" || true
mv "$STATE_DIR/stopped.new" "$STATE_DIR/stopped"

while read -r service; do
    echo stopped > "$service"
    echo "stopped $(basename "$service")"
done < "$STATE_DIR/stopped"
