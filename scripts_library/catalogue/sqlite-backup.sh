#!/usr/bin/env bash
# /// borgui
# name = "SQLite: copy databases while they are in use"
# description = "Takes a consistent copy of SQLite databases before the backup, without stopping what writes to them."
# version = "1.0"
# hooks = ["pre-backup"]
# timeout = 14400
#
# [[parameters]]
# name = "DATABASE_FILES"
# label = "Database files"
# help = "With their full paths, separated by commas or line breaks. Patterns such as /srv/apps/*/data.db are filled in; of these, files that are no SQLite database are left out. A path with a comma stands in double quotes."
# required = true
#
# [[parameters]]
# name = "DUMP_DIR"
# label = "Folder for the copies"
# help = "Inside a source of the repository. Each copy has the path of its database below this folder."
# type = "path"
# required = true
# must_be_source = true
#
# [[parameters]]
# name = "BUSY_SECONDS"
# label = "Seconds to wait for a lock"
# help = "How long to wait while somebody else has the database locked."
# type = "integer"
# default = 60
# ///
set -euo pipefail
export LC_ALL=C.UTF-8

# --- shared by all dumps ----------------------------------------------------------------------------------------------
say() { printf '%s\n' "$*"; }

# The last line is what people are shown first.
fail() {
  say "$*" >&2
  exit 1
}

# Checks that the folder is backed up, wherever links lead, and keeps other dumps out of it until this script is over.
enter_folder() {
  local folder source inside='' lock
  folder=$(realpath -m -- "$DUMP_DIR")
  while IFS= read -r source; do
    if [ "$source" ]; then
      source=$(realpath -m -- "$source")
      if [[ $folder/ == "${source%/}"/* ]]; then inside=yes; fi
    fi
  done <<<"$SOURCE_PATHS"
  if [ "$SOURCE_PATHS" ]; then
    [ "$inside" ] || fail "$DUMP_DIR is inside none of the repository's sources, so it would not be backed up. Choose a folder inside one, or add it to the sources."
  elif [ "$TRIGGERED_BY" != test ] && [ -z "$WINDOW_NAME" ]; then
    fail "This backup names no sources, so $DUMP_DIR would not be backed up. Add it to the sources of the repository."
  else
    say "No sources are known here: make sure that $DUMP_DIR is inside one."
  fi
  mkdir -p -- "$DUMP_DIR" || fail "The folder $DUMP_DIR could not be made; the line above says why."
  [ -w "$DUMP_DIR" ] || fail "The folder $DUMP_DIR cannot be written by $(id -un). Change its owner or mode, or choose another."
  exec {lock}<"$DUMP_DIR"
  flock --nonblock --conflict-exit-code 75 "$lock" || if [ $? = 75 ]; then
    say "Another dump is writing into $DUMP_DIR: waiting for its end."
    flock "$lock"
  fi
  part=$DUMP_DIR/.borgui-part-$EXECUTION_ID
  rm -f -- "$DUMP_DIR"/.borgui-part-* # of a dump that was killed
}

# What this script makes on its way goes away with it. A dump under its own name is complete.
clean_up() {
  if [ "$part" ]; then rm -f -- "$part" "$part"-*; fi
  rm -rf -- "$work"
}

# publish FILE: the part is complete and good. It is brought to disk and takes the place of the old dump.
publish() {
  if [ -e "$1" ]; then
    chown --reference="$1" -- "$part" || say "The owner of $1 could not be kept."
    chmod --reference="$1" -- "$part" || return
  fi
  sync -- "$part" && mv -f -T -- "$part" "$1" && sync -- "${1%/*}"
}

# One sentence where the disk was the reason; nothing where it was not.
disk_is_full() {
  local room
  room=$(df --output=avail -k -- "$DUMP_DIR" | tail -n 1) || return
  if [ "$room" -lt 256 ] || grep -qiE 'no space left|disk (is )?full|errcode: 28|errno:? 28|quota exceeded' "$work/said"; then
    say "The disk of $DUMP_DIR is full: make room on it, or choose a folder elsewhere."
  else
    return 1
  fi
}

part='' # what is being written
work=$(mktemp -d -p "$PWD")
trap clean_up EXIT
trap 'exit 143' TERM INT HUP
: >"$work/said" # what the last command said on its standard error
# --- end of what all share --------------------------------------------------------------------------------------------

# --- shared by dumps of several ---------------------------------------------------------------------------------------
# Fills list with the entries of a text: separated by commas or line breaks, in double quotes where one holds them.
split_list() {
  local text=$1 quoted=$'^[[:space:],]*"(([^"]|"")*)"[[:blank:]]*([,\n]|$)' plain=$'^[[:space:],]*([^,\n]+)' entry
  list=()
  while :; do
    if [[ $text =~ $quoted ]]; then
      entry=${BASH_REMATCH[1]//'""'/'"'}
    elif [[ $text =~ $plain ]]; then
      entry=${BASH_REMATCH[1]%"${BASH_REMATCH[1]##*[![:space:]]}"}
    else
      break
    fi
    text=${text:${#BASH_REMATCH[0]}}
    if [ "$entry" ]; then list+=("$entry"); fi
  done
}
# --- end of what several share ----------------------------------------------------------------------------------------

# Fills files with the databases that are asked for.
find_files() {
  local entry
  files=()
  split_list "$DATABASE_FILES"
  for entry in ${list[@]+"${list[@]}"}; do
    [[ $entry == /* ]] || fail "'$entry' is no full path: write it from / on. Several are separated by commas or line breaks."
    if [ -e "$entry" ]; then
      is_database "$entry" || fail "$entry is no SQLite database$why."
      files+=("$entry")
    else
      match "$entry"
    fi
  done
}

# match PATTERN: what it finds, but no copies of ours.
match() {
  local path found=${#files[@]}
  while IFS= read -r path; do
    [[ $path == *-wal || $path == *-shm || $path == *-journal || $path == "$DUMP_DIR"/* ]] && continue
    if is_database "$path"; then files+=("$path"); else say "$path is no SQLite database$why: left out."; fi
  done < <(compgen -G "$1")
  ((${#files[@]} > found)) || fail "There is no database $1 on this machine. Correct the path, or mount what it is on."
}

is_database() {
  why=''
  if [ -d "$1" ]; then
    why=" but a folder"
  elif [ ! -r "$1" ]; then
    why=", or cannot be read by $(id -un)"
  elif [ ! -s "$1" ]; then
    why=": it is empty"
  elif [ "$(head -c 15 -- "$1" | tr '\0' ' ')" != "SQLite format 3" ]; then
    why=", or it is encrypted"
  fi
  [ -z "$why" ]
}

# One read transaction holds the state of one moment while pages are copied, whoever writes meanwhile.
copy() {
  (
    cd -- "$DUMP_DIR" && sqlite3 -batch -bail -init /dev/null "$1" >/dev/null 2>"$work/said" <<SQL
.timeout $((BUSY_SECONDS * 1000))
BEGIN;
SELECT count(*) FROM sqlite_master;
.backup main ${part##*/}
COMMIT;
SQL
  )
}

ask_copy() {
  (cd -- "$DUMP_DIR" && sqlite3 -batch -bail -init /dev/null "file:${part##*/}?immutable=1" "$1" 2>&1)
}

# Where an index needs what only the application has (a collation, a module), the pages are checked without it.
is_sound() {
  local verdict
  verdict=$(ask_copy 'PRAGMA integrity_check') || true
  if [[ $verdict == *"no such "@(collation|module|function)* ]]; then
    say "The indexes of $1 cannot be checked without its application ($verdict): only its pages are."
    verdict=$(ask_copy 'PRAGMA quick_check') || true
  fi
  [ "$verdict" = ok ] || {
    head -n 20 <<<"$verdict" >&2
    return 1
  }
}

# why_not FILE: what to do, by what sqlite3 said.
why_not() {
  if disk_is_full; then
    return
  elif grep -qi 'is locked' "$work/said"; then
    say "It was locked by another program for $BUSY_SECONDS seconds: wait longer, or stop what holds it."
  elif grep -qi 'not a database' "$work/said"; then
    say "It is damaged or encrypted: open it with its application."
  else
    say "The lines above are what sqlite3 said."
  fi
}

back_up() {
  local copy=$DUMP_DIR$1
  if ! copy "$1"; then
    cat -- "$work/said" >&2
    problem="$1 could not be copied. $(why_not)"
  elif [ ! -s "$part" ] || ! is_sound "$1"; then
    problem="$1 is damaged: its copy does not pass the integrity check. Repair it with .recover, or restore an older copy."
  elif ! { mkdir -p -- "${copy%/*}" && publish "$copy"; }; then
    problem="The copy $copy could not be put in its place; the line above says why. $(disk_is_full || true)"
  else
    say "$1: copied to $copy, $(stat -c %s -- "$copy") bytes, sound"
    return
  fi
  rm -f -- "$part"
  if [ -e "$copy" ]; then problem+=" The copy of $(date -r "$copy" '+%F %T') is kept."; fi
  say "$problem" >&2
  return 1
}

command -v sqlite3 >/dev/null || fail "sqlite3 is not installed on this machine: install the package sqlite3."
find_files
enter_folder
say "sqlite3 $(sqlite3 -version | cut -d ' ' -f 1)"
failed=0
for file in ${files[@]+"${files[@]}"}; do
  file=$(realpath -ms -- "$file") # else a .. could lead the copy out of its folder
  back_up "$file" || failed=$((failed + 1))
done
if ((${#files[@]} == 0)); then fail "No database is named: write the path of one."; fi
if ((failed > 0)); then fail "$failed of ${#files[@]} not copied: $problem"; fi
