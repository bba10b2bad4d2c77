#!/bin/sh
# /// borgui
# name = "Demo: start what was stopped"
# description = "Starts exactly the services that were stopped before the backup; harmless when it runs twice."
# version = "1.0"
# hooks = ["post-backup"]
# run_on = "always"
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

[ -e "$STATE_DIR/stopped" ] || { echo "nothing was stopped"; exit 0; }

while read -r service; do
    echo running > "$service"
    echo "started $(basename "$service")"
done < "$STATE_DIR/stopped"
