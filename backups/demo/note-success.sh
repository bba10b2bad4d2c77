#!/bin/sh
# /// borgui
# name = "Demo: note the good backup"
# version = "1.0"
# hooks = ["post-backup"]
# run_on = "success"
# timeout = 60
# ///
set -eu

echo "archive $ARCHIVE_NAME is good; borg said:"
cat "$BACKUP_STATS"
echo
