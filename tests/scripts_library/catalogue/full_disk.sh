#!/bin/bash
# A command whose folder is on a disk that becomes full: full_disk.sh KIB FOLDER COMMAND...
#
# In a mount namespace of its own FOLDER becomes a file system of KIB KiB with what was in it. What is in it at the end is
# copied to FOLDER.result.
set -u
size=$1 folder=$2
shift 2
mkdir -p "$folder" "$folder.disk"
mount -t tmpfs -o "size=${size}k" small "$folder.disk" || exit 99
cp -a "$folder/." "$folder.disk/"
mount --bind "$folder.disk" "$folder"
"$@"
status=$?
cp -a "$folder/." "$folder.result/"
exit "$status"
