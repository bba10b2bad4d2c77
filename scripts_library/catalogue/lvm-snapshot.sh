#!/usr/bin/env bash
# /// borgui
# name = "LVM: back up a snapshot"
# description = "Makes a snapshot of a logical volume before the backup and mounts it read-only; removes it afterwards."
# version = "1.0"
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# timeout = 300
# rerun = true
#
# [[parameters]]
# name = "VOLUME"
# label = "Logical volume"
# help = "As in vg0/data or /dev/vg0/data."
# required = true
#
# [[parameters]]
# name = "MOUNT_PATH"
# label = "Folder for the snapshot"
# help = "Where it is mounted. This folder, or one inside, is what the repository backs up."
# type = "path"
# required = true
#
# [[parameters]]
# name = "SNAPSHOT_MIB"
# label = "Size of the snapshot in MiB"
# help = "It has to hold what changes in the volume while the backup runs. A thin volume needs none."
# type = "integer"
# default = 4096
# ///
set -euo pipefail
shopt -s extglob nullglob

: "${VOLUME:=}" "${MOUNT_PATH:=}" "${SNAPSHOT_MIB:=4096}"
PATH=$PATH:/usr/sbin:/sbin
tag=borgui_repository_${REPOSITORY_ID:-none}
chosen="$VOLUME|$MOUNT_PATH"

# One file for each script made from this template; it has the same name before and after the backup.
own_name=${0##*/}
own_sum=$(cksum <<<"$chosen")
notes=$STATE_DIR/lvm-snapshot.${own_name##+([0-9])-}.${own_sum%% *}

say() { printf '%s\n' "$*"; }
stop_here() {
  say "$*" >&2
  exit 1
}

# facts COMMAND FIELDS WHAT...: what lvs or vgs says, one a line, the fields separated by |.
facts() {
  local line
  "$1" --noheadings --separator '|' --units m --nosuffix --options "$2" "${@:3}" | while read -r line; do say "$line"; done
}

# --- before the backup --------------------------------------------------------------------------------------------------
before() {
  local group volume pool snapshot kind how=ro size=(--size "${SNAPSHOT_MIB}m") answer
  : >>"$notes" || stop_here "STATE_DIR cannot be written. Nothing was done."
  is_backed_up || stop_here "None of the sources is in $MOUNT_PATH, so the snapshot would not be backed up."
  answer=$(facts lvs vg_name,lv_name,pool_lv "$VOLUME" 2>&1) \
    || stop_here "The volume '$VOLUME' cannot be read: $answer (LVM needs root.)"
  IFS='|' read -r group volume pool <<<"${answer##*$'\n'}"
  remove_leftovers "$group" "$volume"
  ! mountpoint --quiet -- "$MOUNT_PATH" || stop_here "Something else is mounted at $MOUNT_PATH. Nothing was done."
  has_room "$group" "$pool"
  [ -z "$pool" ] || size=(--setactivationskip n)
  snapshot=$volume
  snapshot=${snapshot:0:80}_borgui_${REPOSITORY_ID:-none}
  { say "$group|$snapshot" >>"$notes" && sync "$notes" "$STATE_DIR"; } \
    || stop_here "STATE_DIR cannot be written. Nothing was done."
  lvcreate --yes --snapshot --name "$snapshot" --addtag borgui --addtag "$tag" "${size[@]}" "$group/$volume" \
    || stop_here "The snapshot of $group/$volume could not be made: the line above says why."
  kind=$(blkid -o value -s TYPE -- "/dev/$group/$snapshot") || kind=
  [ "$kind" != xfs ] || how+=,nouuid # the volume itself is mounted with the same UUID
  mkdir -p -- "$MOUNT_PATH"
  mount -o "$how" -- "/dev/$group/$snapshot" "$MOUNT_PATH" \
    || stop_here "The snapshot could not be mounted at $MOUNT_PATH: the line above says why."
  say "$group/$snapshot is mounted at $MOUNT_PATH."
}

# A try and a window have no sources of their own.
is_backed_up() {
  local source place
  [[ $TRIGGERED_BY != test && -z $WINDOW_NAME ]] || return 0
  place=$(realpath -m -- "$MOUNT_PATH")/
  while IFS= read -r source; do
    [ -n "$source" ] || continue
    source=$(realpath -m -- "$source")/
    [[ $place != "${source//\/\///}"* && $source != "$place"* ]] || return 0
  done <<<"$SOURCE_PATHS"
  return 1
}

# remove_leftovers GROUP VOLUME: of a run that was lost. One repository makes one backup at a time, so none is in use.
remove_leftovers() {
  local group snapshot origin
  while IFS='|' read -r group snapshot origin; do
    [ "$group/$origin" = "$1/$2" ] || continue
    say "Removing $group/$snapshot, which was left by a backup that broke off."
    remove "$group" "$snapshot" || stop_here "$group/$snapshot is left from a backup that broke off, and cannot be removed."
  done < <(facts lvs vg_name,lv_name,origin "@$tag" 2>/dev/null)
}

has_room() {
  local free used
  if [ -n "$2" ]; then
    used=$(facts lvs data_percent "$1/$2") || used=100
    ((${used%%.*} < 95)) || stop_here "The pool $1/$2 is $used % full: a snapshot could fill it. Nothing was done."
  else
    free=$(facts vgs vg_free "$1") || free=0
    free=${free%%.*}
    ((free >= SNAPSHOT_MIB)) || stop_here "Only $free MiB are free in the group $1, and the snapshot takes $SNAPSHOT_MIB MiB."
  fi
}

# --- after the backup ---------------------------------------------------------------------------------------------------
# Where the first half of this very script left no notes, those of others are looked after: no snapshot stays.
after() {
  local file group snapshot files=("$notes") failed=0
  [ -e "$notes" ] || files=("$STATE_DIR"/lvm-snapshot.*)
  for file in "${files[@]}"; do
    while IFS='|' read -r group snapshot; do
      is_ours "$group/$snapshot" || continue
      was_whole "$group/$snapshot" || failed=1
      remove "$group" "$snapshot" || failed=1
    done <"$file"
  done
  return "$failed"
}

# is_ours GROUP/SNAPSHOT: it is there, and bears the mark of this repository.
is_ours() {
  local tags
  tags=$(facts lvs lv_tags "$1" 2>/dev/null) || tags=
  [[ ,$tags, != *",$tag,"* ]] || return 0
  say "$1 is not there, or not made by this script: nothing to remove."
  return 1
}

# A snapshot that ran full is invalid: reading from it failed, and the archive lacks files.
was_whole() {
  local state
  state=$(facts lvs lv_attr "$1") || state=
  [[ ${state:4:1} != [IS] ]] || {
    say "$1 ran full during the backup, which is incomplete: give it more than $SNAPSHOT_MIB MiB." >&2
    return 1
  }
}

# remove GROUP SNAPSHOT: also where it is still mounted, and where somebody just leaves it.
remove() {
  local place tries
  while IFS= read -r place; do
    for ((tries = 0; tries < 5; tries++)); do
      umount -- "$place" && break
      sleep 2
    done
  done < <(findmnt --noheadings --raw --output TARGET --source "/dev/$1/$2" 2>/dev/null)
  if lvremove --yes --force "$1/$2"; then
    say "$1/$2 is removed."
  else
    say "$1/$2 could not be removed: the lines above say why. Who uses it? fuser -vm /dev/$1/$2" >&2
    return 1
  fi
}

# ------------------------------------------------------------------------------------------------------------------------
if [ "$HOOK_TYPE" = pre-backup ]; then
  before
else
  after
fi
