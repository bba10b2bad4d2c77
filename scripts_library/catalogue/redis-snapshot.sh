#!/usr/bin/env bash
# /// borgui
# name = "Redis and Valkey: snapshot"
# description = "Takes a snapshot (RDB file) of a Redis or Valkey server into a folder before the backup, and checks it."
# version = "1.0"
# hooks = ["pre-backup"]
# timeout = 14400
#
# [[parameters]]
# name = "DUMP_DIR"
# label = "Folder for the snapshot"
# help = "Inside a source of the repository."
# type = "path"
# required = true
# must_be_source = true
#
# [[parameters]]
# name = "SNAPSHOT_NAME"
# label = "Name of the snapshot"
# help = "Of the file, without its ending. Give each server its own where several have one folder."
# default = "redis"
#
# [[parameters]]
# name = "METHOD"
# label = "Method"
# help = "download: the server sends the snapshot, as to a replica. bgsave: the server saves its own file, which is then copied; for servers that refuse to send one."
# type = "choice"
# choices = ["download", "bgsave"]
# default = "download"
#
# [[parameters]]
# name = "CONTAINER"
# label = "Container"
# help = "Name of the container (Docker or Podman) in which the client runs, usually that of the server. Empty: the client of this machine."
#
# [[parameters]]
# name = "DB_HOST"
# label = "Host"
# help = "Where the server is, seen from the client. Empty: the same machine."
#
# [[parameters]]
# name = "DB_PORT"
# label = "Port"
# help = "Empty: the usual one, 6379."
# type = "integer"
#
# [[parameters]]
# name = "DB_SOCKET"
# label = "Socket"
# help = "Path of the server's socket, instead of host and port."
# type = "path"
#
# [[parameters]]
# name = "DB_USER"
# label = "User"
# help = "Where the server knows users (ACL). Empty: the default user."
#
# [[parameters]]
# name = "DB_PASSWORD"
# label = "Password"
# help = "Empty: none."
# type = "secret"
#
# [[parameters]]
# name = "RUN_AS"
# label = "System user"
# help = "Run the client as this user of the machine, or of the container. Empty: as the script, or as the container does."
#
# [[parameters]]
# name = "TLS"
# label = "Encrypted connection (TLS)"
# help = "Where the server expects one."
# type = "boolean"
# default = false
#
# [[parameters]]
# name = "TLS_CA_FILE"
# label = "Certificate of the authority"
# help = "A file, seen from the client, where an authority of your own has signed the server's certificate. Empty: those that the client's machine trusts."
# type = "path"
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

install="Install the package redis-tools or valkey-tools, or name the container that has the client."

client() { (cd / && HOME=$home "${limit[@]}" "${at[@]}" "$@"); }

longest=60 # s for one answer: a server that expects TLS, or expects none, or hangs, may never say a word

# ask WORD...: the answer. The client ends well also when the server refuses, and goes on as nobody when it refuses the
# password: here both are failures.
ask() {
  local answer limit=(timeout --foreground "$longest")
  answer=$(client "$cli" "${options[@]}" "$@" </dev/null 2>"$work/said") || {
    if [ $? = 124 ]; then say "no answer for $longest s" >>"$work/said"; fi
    return 1
  }
  if grep -q 'AUTH failed' "$work/said"; then return 1; fi
  case $answer in
    NOAUTH* | WRONGPASS* | NOPERM* | ERR* | LOADING* | MASTERDOWN* | DENIED* | BUSY*)
      say "$answer" >>"$work/said"
      return 1
      ;;
  esac
  say "${answer//$'\r'/}"
}

# field NAME SECTION: one value of what the server tells of itself.
field() {
  local answer
  answer=$(ask INFO "$2") || return
  sed -n "s/^$1://p" <<<"$answer" | head -n 1
}

# why_not: one sentence, by what the client or the server said.
why_not() {
  local said
  said=$(<"$work/said")
  if disk_is_full; then return; fi
  case $said in
    *"certificate verify failed"*) say "The client does not trust the server's certificate: name the authority that signed it under 'Certificate of the authority'." ;;
    *SSL_* | *"nvalid CA"*) say "Client and server do not agree on encryption: look at 'Encrypted connection' and 'Certificate of the authority'." ;;
    *NOAUTH* | *WRONGPASS* | *"invalid password"* | *"AUTH failed"*) say "The server refused this user or password." ;;
    *NOPERM*) say "The user lacks a right: a snapshot needs the commands INFO, LASTSAVE, CONFIG GET, BGSAVE, SYNC, PSYNC and REPLCONF." ;;
    *DENIED*) say "The server is in protected mode: give it a password, or ask it from its own machine." ;;
    *LOADING*) say "The server is still loading its data: try again when it is up." ;;
    *BUSY*) say "The server is busy with a script: try again when that is over, or end it (SCRIPT KILL)." ;;
    *"no answer for"*) say "The server does not answer. Are host and port right, and is 'Encrypted connection' as the server expects it?" ;;
    *"unknown command"*) say "The server does not know the command: try the other method." ;;
    *"ould not connect"* | *"onnection refused"*) say "The server cannot be reached. Is it running, and are host, port and socket right?" ;;
    *"I/O"* | *"closed"* | *"reset"* | *"roken pipe"* | *"Error reading"*)
      if [ "$server" ]; then
        say "The server ended the connection in the middle."
      else
        say "The server ended the connection at once. Is 'Encrypted connection' as it expects it?"
      fi
      ;;
    "") ;;
    *) say "The lines above are what was said." ;;
  esac
}

stop_here() {
  cat -- "$work/said" >&2
  problem="$1 $(why_not)"
  if [ -e "$file" ]; then problem+=" The snapshot of $(date -r "$file" '+%F %T') is kept."; fi
  fail "$problem"
}

# The server sends its data as to a new replica. Behind them may stand a mark, which is no part of them.
download() {
  client "$cli" "${options[@]}" --rdb - >"$part" 2>"$work/said" </dev/null || stop_here "The server sent no snapshot."
  if [[ $(<"$work/said") =~ success\ after\ ([0-9]+)\ bytes ]]; then truncate -s "${BASH_REMATCH[1]}" -- "$part"; fi
}

# The server saves by itself; what counts is that a save began and ended after now, and well.
save_and_copy() {
  local before saved='' status='' folder name
  before=$(field rdb_last_save_time persistence) || stop_here "The server does not say when it saved."
  while [ "$(date +%s)" -le "$before" ]; do sleep 0.2; done # else the next save would have the same second
  wait_until_saved
  ask BGSAVE SCHEDULE >/dev/null || stop_here "The server does not save."
  for _ in {1..50}; do # where the server was busy it begins a moment later
    wait_until_saved
    status=$(field rdb_last_bgsave_status persistence) || stop_here "The server does not say how it saved."
    saved=$(field rdb_last_save_time persistence) || stop_here "The server does not say when it saved."
    if [ "$saved" -gt "$before" ] || [ "$status" != ok ]; then break; fi
    sleep 0.2
  done
  : >"$work/said"
  [ "$status" = ok ] || stop_here "The server could not save (status $status): its own log says why, often a full disk or too little memory."
  [ "$saved" -gt "$before" ] || stop_here "The server has not saved since $(date -d "@$before" '+%F %T')."
  folder=$(ask CONFIG GET dir | tail -n 1) || stop_here "The server does not say where it saves."
  name=$(ask CONFIG GET dbfilename | tail -n 1) || stop_here "The server does not say where it saves."
  client cat -- "$folder/$name" >"$part" 2>"$work/said" </dev/null || {
    if disk_is_full >/dev/null; then stop_here "The snapshot could not be copied."; fi
    stop_here "The server saved to $folder/$name, which cannot be read here: use the method download, name its container, or run this where the server is."
  }
}

wait_until_saved() {
  local state
  while :; do
    state=$(ask INFO persistence) || stop_here "The server was lost while it saved."
    [[ $state == *rdb_bgsave_in_progress:1* || $state == *aof_rewrite_in_progress:1* ]] || return 0
    sleep 0.2
  done
}

# Its first and last bytes; and where there is the program for it, everything between.
is_good() {
  local check said
  [[ $(head -c 9 -- "$part") =~ ^(REDIS|VALKEY)[0-9]+$ ]] || return 1
  [ "$(tail -c 9 -- "$part" | head -c 1 | od -An -tx1)" = " ff" ] || return 1
  for check in redis-check-rdb valkey-check-rdb; do
    command -v "$check" >/dev/null || continue
    if said=$("$check" /proc/self/fd/0 <"$part" 2>&1); then
      say "$check: $(grep -o '[0-9]* keys read' <<<"$said" || true)"
      return
    fi
    # A check that is older than the server cannot judge.
    if [[ $said == *"RDB format version"* ]]; then continue; fi
    tail -n 5 <<<"$said" >&2
    return 1
  done
}

wanted=(snapshot) limit=() server=''
into+=(--env REDISCLI_AUTH)
export REDISCLI_AUTH=$DB_PASSWORD
unset DB_PASSWORD
if [ -z "$REDISCLI_AUTH" ]; then unset REDISCLI_AUTH; fi
options=()
if [ "$DB_SOCKET" ]; then
  options+=(-s "$DB_SOCKET")
else
  options+=(-h "${DB_HOST:-127.0.0.1}" -p "${DB_PORT:-6379}")
fi
if [ "$DB_USER" ]; then options+=(--user "$DB_USER"); fi
if [ "$TLS" = true ]; then options+=(--tls ${TLS_CA_FILE:+--cacert "$TLS_CA_FILE"}); fi
find_place
enter_folder
safe_name "${SNAPSHOT_NAME:-redis}"
file=$DUMP_DIR/$safe.rdb
cli=$(first_of redis-cli valkey-cli)
server=$(field redis_version server) || stop_here "Nothing was saved."
say "server $server, client $(client "$cli" --version </dev/null)"
if [ "$METHOD" = bgsave ]; then save_and_copy; else download; fi
cat -- "$work/said" >&2
keep "The snapshot" "$file" || failed=(snapshot)
conclude
