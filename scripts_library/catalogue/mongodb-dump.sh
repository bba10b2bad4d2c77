#!/usr/bin/env bash
# /// borgui
# name = "MongoDB: dump databases"
# description = "Dumps one, several or all databases of a MongoDB server into a folder before the backup, and checks each dump."
# version = "1.0"
# hooks = ["pre-backup"]
# timeout = 14400
#
# [[parameters]]
# name = "DUMP_DIR"
# label = "Folder for the dumps"
# help = "Inside a source of the repository. One file for each database that is named, or one for all."
# type = "path"
# required = true
# must_be_source = true
#
# [[parameters]]
# name = "DATABASES"
# label = "Databases"
# help = "Names, separated by commas, spaces or line breaks. Empty: all, with users and roles, in one file."
#
# [[parameters]]
# name = "CONTAINER"
# label = "Container"
# help = "Name of the container (Docker or Podman) in which the client runs, usually that of the database. Empty: the client of this machine."
#
# [[parameters]]
# name = "DB_HOST"
# label = "Host"
# help = "Where the server is, seen from the client; of a replica set NAME/HOST,HOST. Empty: the same machine."
#
# [[parameters]]
# name = "DB_PORT"
# label = "Port"
# help = "Empty: the usual one, 27017."
# type = "integer"
#
# [[parameters]]
# name = "DB_USER"
# label = "User"
# help = "With the role backup, to dump everything. Empty: none."
#
# [[parameters]]
# name = "DB_PASSWORD"
# label = "Password"
# help = "Empty: none."
# type = "secret"
#
# [[parameters]]
# name = "AUTH_DATABASE"
# label = "Database of the user"
# help = "Where the user was made (authSource)."
# default = "admin"
#
# [[parameters]]
# name = "DB_URI"
# label = "Connection string"
# help = "Instead of host, port, user and password: mongodb://... or mongodb+srv://..."
# type = "secret"
#
# [[parameters]]
# name = "OPLOG"
# label = "One moment for all"
# help = "Of a replica set, when all databases are dumped: what changes meanwhile is dumped too (--oplog), so that a restore with --oplogReplay has one moment."
# type = "boolean"
# default = false
#
# [[parameters]]
# name = "RUN_AS"
# label = "System user"
# help = "Run the client as this user of the machine, or of the container. Empty: as the script, or as the container does."
#
# [[parameters]]
# name = "COMPRESSION"
# label = "Compression"
# help = "borg compresses by itself, and finds what is unchanged only in dumps that are not compressed."
# type = "choice"
# choices = ["none", "gzip"]
# default = "none"
#
# [[parameters]]
# name = "MORE_OPTIONS"
# label = "More options"
# help = "For mongodump, separated by spaces, such as --tls or --excludeCollection=cache. Everybody on the machine can read them: no passwords."
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

# --- shared by dumps of servers ---------------------------------------------------------------------------------------
# Sets at: what stands before the command of a client, so that it runs where it is wanted; and home, its HOME here.
find_place() {
  local engine state engines=0
  at=() home=$HOME
  if [ "$CONTAINER" ]; then
    for engine in docker podman; do
      command -v "$engine" >/dev/null || continue
      engines=$((engines + 1))
      if state=$("$engine" inspect --type container --format '{{.State.Running}}' "$CONTAINER" 2>>"$work/said"); then
        [ "$state" = true ] || fail "The container $CONTAINER is not running. Start it; if another script stops it, put this one before that."
        at=("$engine" exec --interactive ${RUN_AS:+--user "$RUN_AS"} "${into[@]}" "$CONTAINER")
        return
      fi
    done
    cat -- "$work/said" >&2
    ((engines > 0)) || fail "Neither docker nor podman is installed here, so nothing can be run in the container $CONTAINER."
    fail "The container $CONTAINER was not found, or $(id -un) may not ask for it; the lines above say which."
  elif [ "$RUN_AS" ] && [ "$RUN_AS" != "$(id -un)" ]; then
    [ "$(id -u)" = 0 ] || fail "Only root can run the client as $RUN_AS, and this script runs as $(id -un). Leave 'System user' empty, or run borgui as root."
    home=$(getent passwd -- "$RUN_AS" | cut -d : -f 6) || fail "There is no user $RUN_AS on this machine. Correct 'System user', or leave it empty."
    at=(runuser -u "$RUN_AS" --)
  fi
}

# first_of PROGRAM...: prints the first that is there where the client runs.
first_of() {
  (cd / && "${at[@]}" sh -s "$@" 2>"$work/said") <<'SH' && return
for name; do
  if command -v "$name" >/dev/null; then echo "$name" && exit; fi
done
exit 1
SH
  cat -- "$work/said" >&2
  if [ "$CONTAINER" ]; then fail "$1 is not there in the container $CONTAINER. Name the one that has it."; fi
  fail "$1 is not installed on this machine. $install"
}

# Sets safe: a name as that of a file. What is neither letter, digit, _ , - nor a dot inside becomes %XX: no two clash.
safe_name() {
  local i char code
  safe=''
  for ((i = 0; i < ${#1}; i++)); do
    char=${1:i:1}
    printf -v code %d "'$char"
    if [[ $char != [A-Za-z0-9_.-] || $i$char == 0. ]] && ((code < 128)); then printf -v char %%%02X "$code"; fi
    safe+=$char
  done
}

# keep WHAT FILE: after is_good has found the part to be a whole dump, it becomes FILE.
keep() {
  if [ ! -s "$part" ]; then
    problem="The dump of $1 is empty."
  elif ! is_good; then
    problem="The dump of $1 is not complete."
  elif ! publish "$2"; then
    problem="$2 could not be put in its place. $(disk_is_full || true)"
  else
    written+=("$2")
    last=''
    say "$1: dumped to $2, $(stat -c %s -- "$2") bytes, complete"
    return
  fi
  not_kept "$2"
}

# not_kept FILE: tells the problem of a dump; there is none under this name but the one before.
not_kept() {
  rm -f -- "$part"
  if [ -e "$1" ]; then problem+=" The dump of $(date -r "$1" '+%F %T') is kept."; fi
  say "$problem" >&2
  last=$problem
  if [ -z "$reason" ]; then reason=$problem; fi
  return 1
}

# Dumps of databases that are gone are nobody's to delete.
tell_old() {
  local file other
  for file in "$DUMP_DIR"/*; do
    for other in "${written[@]}"; do [ "$other" != "$file" ] || continue 2; done
    case $file in
      *.sql | *.sql.* | *.dump | *.archive | *.rdb) say "Not of this run, and kept: $file of $(date -r "$file" '+%F %T')" ;;
    esac
  done
}

into=() # more options for exec into a container
# The last word: how many, or the reason of the first failure.
conclude() {
  local names
  if ((${#failed[@]} > 0)); then
    printf -v names ', %s' "${failed[@]}"
    ((${#failed[@]} == 1)) || reason+=" In all ${#failed[@]} were not dumped: ${names:2}."
    if [ "$reason" = "$last" ]; then exit 1; fi # it has just been said
    fail "$reason"
  fi
  tell_old
  say "${#wanted[@]} dumped${all:+, which are all}"
}

written=() failed=() all='' problem='' reason='' last=''
# --- end of what servers share ----------------------------------------------------------------------------------------

install="Install MongoDB's package mongodb-database-tools, or name the container that has it."

# The settings that are secret, as YAML on standard input: nothing of them is on a command line or on a disk.
settings() {
  if [ "$uri" ]; then setting uri "$uri"; elif [ "$password" ]; then setting password "$password"; else say "{}"; fi
}

setting() {
  local value=${2//\\/\\\\}
  value=${value//\"/\\\"}
  value=${value//$'\n'/\\n}
  value=${value//$'\r'/\\r}
  say "$1: \"${value//$'\t'/\\t}\""
}

# client PROGRAM ARGUMENT...: the inner pipe belongs to whoever the client runs as, who could not open one of this script.
client() {
  (cd / && HOME=$home "${at[@]}" sh -c "cat | \"\$@\"" sh "$1" --config=/proc/self/fd/0 "${@:2}" < <(settings))
}

# why_not: one sentence, by what the client said.
why_not() {
  local said
  said=$(<"$work/said")
  if disk_is_full; then return; fi
  case $said in
    *"auth"*"failed"* | *"Authentication failed"* | *AuthenticationFailed*) say "The server refused this user or password. Is 'Database of the user' right?" ;;
    *"not authorized"* | *"requires authentication"* | *Unauthorized*) say "The user lacks a right: dumps of everything need the role backup, of one database read." ;;
    *"unknown option"* | *"unknown flag"* | *"error parsing"*) say "The client does not know an option: it may be older than 100.3, or 'More options' hold a mistake." ;;
    *"server selection"* | *"no reachable servers"* | *"connection refused"* | *"no such host"*)
      say "The server cannot be reached. Is it running, and are host and port right?" ;;
    *EOF* | *"connection reset"* | *"closed unexpectedly"* | *"broken pipe"* | *"socket was unexpectedly closed"*) say "The server ended the connection in the middle." ;;
    *oplog*) say "'One moment for all' is for replica sets." ;;
    "") say "The client broke off without a word." ;;
    *) say "The lines above are what the client said." ;;
  esac
}

unpack() { if [ "$COMPRESSION" = gzip ]; then gzip -dc <"$part"; else cat -- "$part"; fi; }

# Each collection has an end of its own in the archive, and so has the archive. They are counted against what was dumped.
is_good() {
  local ends
  [ "$(unpack 2>/dev/null | head -c 4 | od -An -tx1)" = " 6d e2 99 81" ] || return 1
  [ "$(unpack | tail -c 4 | od -An -tx1)" = " ff ff ff ff" ] || return 1
  ends=$(unpack | LC_ALL=C grep -aoP '\x08EOF\x00\x01' | wc -l) || true
  ((ends >= $(grep -c 'done dumping' "$work/said")))
}

# run_dump WHAT FILE ARGUMENT...
run_dump() {
  local complete=''
  if client mongodump "${options[@]}" "${@:3}" --archive >"$part" 2>"$work/said"; then complete=yes; fi
  cat -- "$work/said" >&2
  if [ -z "$complete" ]; then
    problem="$1 could not be dumped. $(why_not)"
    not_kept "$2"
  elif ! grep -q 'done dumping' "$work/said"; then
    # The client takes a database that is not there for an empty one.
    problem="$1 holds nothing, or is not there, or this user may not see it: nothing was dumped of it."
    not_kept "$2"
  else
    keep "$1" "$2"
  fi
}

password=$DB_PASSWORD uri=$DB_URI
unset DB_PASSWORD DB_URI
options=()
if [ -z "$uri" ]; then
  if [ "$DB_HOST" ]; then options+=("--host=$DB_HOST"); fi
  if [ "$DB_PORT" ]; then options+=("--port=$DB_PORT"); fi
  if [ "$DB_USER" ]; then options+=("--username=$DB_USER" "--authenticationDatabase=${AUTH_DATABASE:-admin}"); fi
fi
suffix=''
if [ "$COMPRESSION" = gzip ]; then options+=(--gzip) suffix=.gz; fi
more=()
read -ra more -d '' <<<"$MORE_OPTIONS" || true
options+=("${more[@]}")
find_place
enter_folder
first_of mongodump >"$work/found"
say "client: $( (cd / && "${at[@]}" mongodump --version </dev/null) | head -n 1)"
split_list "${DATABASES// /,}" # names hold no spaces here
wanted=("${list[@]}")
if ((${#wanted[@]} == 0)) || [ "${wanted[*]}" = '*' ]; then
  all=yes wanted=("all databases")
  if [ "$OPLOG" = true ]; then options+=(--oplog); fi
  run_dump "The server" "$DUMP_DIR/@all.archive$suffix" || failed=("all databases")
else
  for name in "${wanted[@]}"; do
    safe_name "$name"
    run_dump "$name" "$DUMP_DIR/$safe.archive$suffix" "--db=$name" || failed+=("$name")
  done
fi
conclude
