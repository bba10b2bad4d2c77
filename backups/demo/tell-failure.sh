#!/bin/sh
# /// borgui
# name = "Demo: tell that it failed"
# version = "1.0"
# hooks = ["post-backup"]
# run_on = "failure"
# timeout = 60
# ///
set -eu

printf 'The demo backup failed\n%s\n' "$BACKUP_ERROR" > "$NOTIFY_FILE"
echo "told somebody that the backup ended with: $BACKUP_STATUS"
