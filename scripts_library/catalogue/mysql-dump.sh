#!/usr/bin/env bash
# /// borgui
# name = "MySQL and MariaDB: dump databases"
# description = "Dumps one, several or all databases of a MySQL or MariaDB server into a folder before the backup, and checks each dump."
# version = "1.0"
# hooks = ["pre-backup"]
# timeout = 14400
#
# [[parameters]]
# name = "DUMP_DIR"
# label = "Folder for the dumps"
# help = "Inside a source of the repository. One file for each database."
# type = "path"
# required = true
# must_be_source = true
#
# [[parameters]]
# name = "DATABASES"
# label = "Databases"
# help = "Names, separated by commas or line breaks; a name with a comma stands in double quotes. Empty: all but the system's own."
#
# [[parameters]]
# name = "EXCLUDE"
# label = "Databases to leave out"
# help = "When all are dumped: names that are left out, separated by commas or line breaks."
#
# [[parameters]]
# name = "CONTAINER"
# label = "Container"
# help = "Name of the container (Docker or Podman) in which the client runs, usually that of the database. Empty: the client of this machine."
#
# [[parameters]]
# name = "DB_HOST"
# label = "Host"
# help = "Where the server is, seen from the client. Empty: the same machine, by its socket."
#
# [[parameters]]
# name = "DB_PORT"
# label = "Port"
# help = "Empty: the usual one, 3306."
# type = "integer"
#
# [[parameters]]
# name = "DB_SOCKET"
# label = "Socket"
# help = "Path of the server's socket where it is not the usual one."
# type = "path"
#
# [[parameters]]
# name = "DB_USER"
# label = "User"
# help = "Empty: the user that the script runs as, or the one in the client's own option files."
#
# [[parameters]]
# name = "DB_PASSWORD"
# label = "Password"
# help = "Empty: none, or the one in the client's own option files."
# type = "secret"
#
# [[parameters]]
# name = "DB_TLS"
# label = "Encrypted connection (TLS)"
# help = "automatic: as the client does. unverified: the certificate of the server is not looked at. off: where the server knows no encryption and a newer client insists."
# type = "choice"
# choices = ["automatic", "unverified", "off"]
# default = "automatic"
#
# [[parameters]]
# name = "RUN_AS"
# label = "System user"
# help = "Run the client as this user of the machine, or of the container. Empty: as the script, or as the container does."
#
# [[parameters]]
# name = "ACCOUNTS"
# label = "Dump the accounts too"
# help = "Users, their passwords and rights, where the server is MariaDB and DB_USER may read them."
# type = "boolean"
# default = true
#
# [[parameters]]
# name = "LOCK_TABLES"
# label = "Lock all tables meanwhile"
# help = "Only for tables that know no transactions (MyISAM, Aria): nobody writes while a database is dumped."
# type = "boolean"
# default = false
#
# [[parameters]]
# name = "COMPRESSION"
# label = "Compression"
# help = "borg compresses by itself, and finds what is unchanged only in dumps that are not compressed."
# type = "choice"
# choices = ["none", "gzip", "zstd"]
# default = "none"
#
# [[parameters]]
# name = "ACCEPT_OLDER_CLIENT"
# label = "Accept a client that is older than the server"
# help = "It may leave out what it does not know. Better install a client of the server's version, or use the one in its container."
# type = "boolean"
# default = false
#
# [[parameters]]
# name = "MORE_OPTIONS"
# label = "More options"
# help = "For mysqldump or mariadb-dump, separated by spaces, such as --ignore-table=shop.cache. Everybody on the machine can read them: no passwords."
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

# --- shared by dumps of databases -------------------------------------------------------------------------------------
# Fills wanted with the databases to dump, of those in known. One that is asked for and not there is an error.
choose() {
  local -A there=() out=()
  local name word missing=() words
  wanted=()
  for name in "${known[@]}"; do there[=$name]=1; done
  split_list "$DATABASES"
  if ((${#list[@]} == 0)) || [[ ${#list[@]}:${list[0]} == 1:[*] ]]; then
    all=yes
    split_list "$EXCLUDE"
    for name in "${list[@]}"; do out[=$name]=1; done
    for name in "${known[@]}"; do
      if ! is_systems "$name" && [ -z "${out[=$name]-}" ]; then wanted+=("$name"); fi
    done
    ((${#wanted[@]} > 0)) || fail "The server shows no database to this user but the system's own. Give it the right to read them."
    return
  fi
  for name in "${list[@]}"; do
    if [ "${there[=$name]-}" ]; then
      wanted+=("$name")
      continue
    fi
    read -ra words <<<"$name" # also names with nothing but spaces between them
    for word in "${words[@]}"; do
      if [ "${there[=$word]-}" ]; then wanted+=("$word"); else missing+=("$name") && break; fi
    done
  done
  ((${#missing[@]} == 0)) || {
    say "The server shows this user: ${known[*]}" >&2
    fail "There is no database '${missing[0]}' on the server, or this user may not see it. Names are separated by commas."
  }
}
# --- end of what databases share --------------------------------------------------------------------------------------

install="Install the package mariadb-client or default-mysql-client, or name the container that has one."

# The option file, on standard input: nothing of it is on a command line or on a disk.
options() {
  say "[client]"
  option host "$DB_HOST"
  option port "$DB_PORT"
  option socket "$DB_SOCKET"
  option user "$DB_USER"
  option password "$password"
  # A port without a host, or of localhost, would be passed over in favour of the socket.
  if [ "$DB_PORT" ] && [ -z "$DB_SOCKET" ]; then say "protocol=tcp"; fi
  # MariaDB's words and MySQL's; the client passes over those that it does not know.
  case $DB_TLS in
    unverified) printf '%s\n' loose-disable-ssl-verify-server-cert loose-ssl-mode=REQUIRED ;;
    off) printf '%s\n' loose-skip-ssl loose-ssl-mode=DISABLED ;;
  esac
}

option() {
  local value=${2//\\/\\\\}
  value=${value//\"/\\\"}
  value=${value//$'\n'/\\n}
  value=${value//$'\r'/\\r}
  if [ "$2" ]; then say "$1=\"${value//$'\t'/\\t}\""; fi
}

# client PROGRAM ARGUMENT...: where a user or a password is given, a ~/.my.cnf does not win over it.
client() {
  (
    cd /
    if [ "$DB_USER$password" ]; then home=/nonexistent; fi
    # The inner pipe belongs to whoever the client runs as, who could not open one of this script.
    HOME=$home "${at[@]}" sh -c "cat | \"\$@\"" sh "$1" --defaults-extra-file=/proc/self/fd/0 "${@:2}" < <(options)
  )
}

# A server that hangs, or none of the kind, would be waited for without an end.
ask() { client "$mysql" --connect-timeout=60 --batch --skip-column-names --default-character-set=utf8mb4 --execute="$1" 2>"$work/said"; }

# why_not: one sentence, by what the client said.
why_not() {
  local said
  said=$(<"$work/said")
  if disk_is_full; then return; fi
  case $said in
    *1045* | *"Access denied for user"*) say "The server refused this user or password. Correct them, or the user's rights." ;;
    *1044* | *1142* | *1227* | *denied*) say "The user lacks a right: dumps need SELECT, SHOW VIEW, TRIGGER, EVENT and LOCK TABLES." ;;
    *"initial communication packet"*) say "The server does not answer. Does it hang, and are host and port right?" ;;
    *SSL* | *TLS*) say "Client and server do not agree on encryption: choose another 'Encrypted connection'." ;;
    *2002* | *2003* | *2005*) say "The server cannot be reached. Is it running, and are host, port and socket right?" ;;
    *2006* | *2013* | *"Lost connection"* | *"gone away"*) say "The server ended the connection in the middle." ;;
    "") say "The client broke off without a word, as it does when the server ends the connection." ;;
    *1133*) say "An account names a host, and this server looks up no names: drop the account, or leave the accounts out." ;;
    *1356*) say "A view names a table or a user that is gone: drop the view or repair it." ;;
    *) say "The lines above are what the client said." ;;
  esac
}

# Sets known. Names come as hexadecimal digits, so that none can be misread.
list_databases() {
  local names name hex bytes i
  names=$(ask "SELECT HEX(CONVERT(schema_name USING utf8mb4)) FROM information_schema.schemata ORDER BY schema_name") || {
    cat -- "$work/said" >&2
    fail "The databases could not be listed. $(why_not)"
  }
  known=()
  for hex in $names; do
    bytes=''
    for ((i = 0; i < ${#hex}; i += 2)); do bytes+="\\x${hex:i:2}"; done
    printf -v name %b "$bytes"
    known+=("$name")
  done
}

is_systems() { [[ $1 == @(information_schema|performance_schema|mysql|sys|ndbinfo) || $1 == '#mysql50#'* ]]; }

# The words that MariaDB and MySQL use for their versions, as a number: 10.11.3 is 10011.
number() {
  [[ $1 =~ ([0-9]+)\.([0-9]+) ]] && say $((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2]))
}

kind() { if [[ $1 == *[Mm]aria* ]]; then say MariaDB; else say MySQL; fi; }

compare_versions() {
  local version
  server=$(ask "SELECT VERSION()") || {
    cat -- "$work/said" >&2
    fail "Nothing was dumped. $(why_not)"
  }
  version=$(cd / && "${at[@]}" "$dump" --version </dev/null)
  [[ $version =~ (Distrib|from)\ ([^, ]+) || $version =~ (Ver)\ ([^, ]+) ]] || fail "$dump does not say its version: $version"
  version="${BASH_REMATCH[2]} ($(kind "$version"))"
  say "server $server ($(kind "$server")), client $version"
  if [ "$(kind "$server")" != "$(kind "$version")" ]; then
    say "Client and server are of different makers: a client of the server's own knows all its kinds of objects."
  elif (($(number "$version") < $(number "$server"))) && [ "$ACCEPT_OLDER_CLIENT" != true ]; then
    fail "The client ($version) is older than the server ($server) and may leave out what it does not know: nothing was dumped. Install a newer client, or name the server's container."
  fi
}

# Sets common: options that make the dump whole, whatever option files of this machine say.
find_options() {
  local help option
  help=$(cd / && "${at[@]}" "$dump" --help </dev/null 2>/dev/null) || true
  common=(--quick --hex-blob --triggers --routines --events --comments --skip-force
    --default-character-set=utf8mb4 --max-allowed-packet=1G)
  if [ "$LOCK_TABLES" = true ]; then common+=(--lock-all-tables); else common+=(--single-transaction); fi
  for option in --no-tablespaces --column-statistics=0 --set-gtid-purged=OFF; do
    if [[ $help == *"${option%%=*}"[\ =$'\n']* ]]; then common+=("$option"); fi
  done
  can_dump_accounts=''
  if [[ $help == *--system[=\ ]* && $(kind "$server") == MariaDB ]]; then can_dump_accounts=yes; fi
  more=()
  read -ra more -d '' <<<"$MORE_OPTIONS" || true
}

# Packs standard input, as is wanted, and unpacks it again.
pack() {
  case $COMPRESSION in gzip) gzip --rsyncable ;; zstd) zstd -q --rsyncable ;; *) cat ;; esac
}
unpack() {
  case $COMPRESSION in gzip) gzip -dc ;; zstd) zstd -q -dc ;; *) cat ;; esac <"$part"
}

# run_dump WHAT FILE ARGUMENT...
run_dump() {
  # With pipefail, so a dump that breaks off is a failure also behind a pipe.
  if client "$dump" "${@:3}" 2>"$work/said" | pack >"$part" 2>>"$work/said"; then
    cat -- "$work/said" >&2
    keep "$1" "$2"
  else
    cat -- "$work/said" >&2
    problem="$1 could not be dumped. $(why_not)"
    not_kept "$2"
  fi
}

is_good() { unpack | tail -n 1 | grep -q '^-- Dump completed'; }

dump_accounts() {
  if [ "$ACCOUNTS" != true ]; then return; fi
  if [ -z "$can_dump_accounts" ]; then
    say "The accounts are not dumped: only MariaDB's client can, and only from MariaDB."
  elif ! ask "SELECT 1 FROM mysql.global_priv LIMIT 1" >/dev/null && grep -qE '1044|1142' "$work/said"; then
    say "The accounts are not dumped: this user may not read them."
  else
    run_dump "The accounts" "$DUMP_DIR/@accounts.sql$suffix" --system=users --insert-ignore --comments --skip-force
  fi
}

tell_other_engines() {
  local count
  if [ "$LOCK_TABLES" = true ]; then return; fi
  count=$(ask "SELECT COUNT(*) FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND engine NOT IN ('InnoDB')
    AND table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')") || return 0
  if [ "$count" != 0 ]; then
    say "$count tables of this server know no transactions (MyISAM, Aria and the like): they are of one moment only with 'Lock all tables'."
  fi
}

password=$DB_PASSWORD
unset DB_PASSWORD
case $COMPRESSION in gzip) suffix=.gz ;; zstd) suffix=.zst ;; *) suffix='' ;; esac
if [ "$COMPRESSION" = zstd ]; then command -v zstd >/dev/null || fail "zstd is not installed on this machine: install the package zstd, or choose another compression."; fi
find_place
enter_folder
dump=$(first_of mariadb-dump mysqldump)
mysql=$(first_of mariadb mysql)
compare_versions
find_options
list_databases
choose
tell_other_engines
for name in "${wanted[@]}"; do
  safe_name "$name"
  run_dump "$name" "$DUMP_DIR/$safe.sql$suffix" "${common[@]}" "${more[@]}" --databases -- "$name" || failed+=("$name")
done
dump_accounts || failed+=("the accounts")
conclude
