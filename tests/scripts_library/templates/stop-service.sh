#!/usr/bin/env bash
# /// borgui
# name = "Service: stop and start"
# description = "Stops a service before the backup, starts it after it."
# version = "1.0"
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# timeout = 60
# interrupts = "${SERVICE}"
#
# [[parameters]]
# name = "SERVICE"
# label = "Service"
# help = "Its name"
# required = true
#
# [[parameters]]
# name = "TOKEN"
# label = "Token"
# type = "secret"
#
# [[parameters]]
# name = "CONTAINER"
# label = "Container"
# help = "Where it runs in one"
# ///
set -euo pipefail

if [ "$HOOK_TYPE" = pre-backup ]; then
  echo "$SERVICE" >"$STATE_DIR/stopped"
  echo "stopping $SERVICE with ${TOKEN:-no token}"
elif [ -e "$STATE_DIR/stopped" ]; then
  echo "starting $(cat "$STATE_DIR/stopped")"
fi
