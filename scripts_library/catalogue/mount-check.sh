#!/usr/bin/env bash
# /// borgui
# name = "Drive there?"
# description = "Skips the backup while a drive or share is not mounted; fails when it is read-only or nearly full."
# version = "1.0"
# hooks = ["pre-backup"]
# timeout = 60
# rerun = true
#
# [[parameters]]
# name = "MOUNT_PATH"
# label = "Folder of the drive"
# help = "Where the drive or the share is mounted."
# type = "path"
# required = true
#
# [[parameters]]
# name = "MARK_FILE"
# label = "A file that is on it"
# help = "A full path, or one that begins in the folder above. It tells this drive from another that is mounted there."
#
# [[parameters]]
# name = "FILESYSTEM_UUID"
# label = "UUID of its file system"
# help = "As lsblk --fs shows it. Empty: any drive will do."
#
# [[parameters]]
# name = "MUST_BE_MOUNTED"
# label = "The folder has to be a mount of its own"
# help = "Turn this off for a folder somewhere on a drive, and name a file that is on it."
# type = "boolean"
# default = true
#
# [[parameters]]
# name = "MUST_BE_WRITABLE"
# label = "It has to be writable"
# help = "For a drive that the backup goes to. Turn it off for one that is only read."
# type = "boolean"
# default = true
#
# [[parameters]]
# name = "MIN_FREE_MIB"
# label = "Free space in MiB"
# help = "With less the backup fails before it begins. 0: do not look."
# type = "integer"
# default = 0
#
# [[parameters]]
# name = "IF_NOT_THERE"
# label = "If it is not there"
# help = "skip: no backup today, and nobody is alarmed. fail: the backup failed."
# type = "choice"
# choices = ["skip", "fail"]
# default = "skip"
# ///
set -euo pipefail

: "${MOUNT_PATH:=}" "${MARK_FILE:=}" "${FILESYSTEM_UUID:=}" "${MUST_BE_MOUNTED:=true}" "${MUST_BE_WRITABLE:=true}"
: "${MIN_FREE_MIB:=0}" "${IF_NOT_THERE:=skip}"

stop_here() {
  printf '%s\n' "$*" >&2
  exit 1
}
not_there() {
  printf '%s\n' "$*" >&2
  [ "$IF_NOT_THERE" = fail ] || exit 75
  exit 1
}

# Looking into it wakes what is mounted on demand. A share whose server is gone does not answer at all.
look_inside() {
  local code=0
  { timeout --signal=KILL 20 ls -A -- "$MOUNT_PATH" >/dev/null; } 2>/dev/null || code=$?
  [ "$code" != 137 ] && [ "$code" != 124 ] || not_there "$MOUNT_PATH does not answer for 20 s: is its server there?"
  [ -d "$MOUNT_PATH" ] || not_there "$MOUNT_PATH is not there."
  [ "$code" = 0 ] || stop_here "$MOUNT_PATH cannot be read by $(id -un 2>/dev/null || id -u)."
}

# of_mount COLUMN: what is mounted there last. Below it lies another where it is mounted on demand, or was mounted twice.
of_mount() {
  findmnt --noheadings --direction backward --first-only --output "$1" --target "$MOUNT_PATH" 2>/dev/null || true
}

is_the_right_one() {
  local found source
  found=$(of_mount UUID)
  if [ -z "$found" ]; then # without udev nobody has written it down
    source=$(of_mount SOURCE)
    found=$(blkid -o value -s UUID -- "${source%%\[*}" 2>/dev/null) || found=
  fi
  [ -n "$found" ] || stop_here "The UUID of what is at $MOUNT_PATH cannot be found out here. Name a file that is on it instead."
  [ "${found,,}" = "${FILESYSTEM_UUID,,}" ] || not_there "Another drive is mounted at $MOUNT_PATH: its UUID is $found."
}

# Asked of the kernel first, then tried: a drive with errors, or a share without the right, shows only when one writes.
is_writable() {
  local options trial
  options=$(of_mount OPTIONS)
  [[ ,$options, != *,ro,* ]] \
    || stop_here "$MOUNT_PATH is mounted read-only. Was it not cleanly removed, or does it have errors? See: dmesg"
  trial=$(mktemp -- "$MOUNT_PATH/.borgui-XXXXXXXX" 2>&1) || stop_here "$MOUNT_PATH cannot be written: $trial"
  rm -f -- "$trial"
}

has_room() {
  local free
  free=$(df --output=avail --block-size=1M -- "$MOUNT_PATH" | tail -n 1)
  ((free >= MIN_FREE_MIB)) || stop_here "Only $((free)) MiB are free on $MOUNT_PATH, and $MIN_FREE_MIB MiB are wanted."
}

[ -n "$MOUNT_PATH" ] || stop_here "No folder is given."
look_inside
[ "$MUST_BE_MOUNTED" != true ] || mountpoint --quiet -- "$MOUNT_PATH" || not_there "Nothing is mounted at $MOUNT_PATH."
[ -z "$FILESYSTEM_UUID" ] || is_the_right_one
if [ -n "$MARK_FILE" ]; then
  [[ $MARK_FILE == /* ]] || MARK_FILE=${MOUNT_PATH%/}/$MARK_FILE
  [ -e "$MARK_FILE" ] || not_there "$MARK_FILE is not there: another drive is mounted, or none."
fi
[ "$MUST_BE_WRITABLE" != true ] || is_writable
[ "$MIN_FREE_MIB" -le 0 ] || has_room
printf '%s\n' "$MOUNT_PATH is there."
