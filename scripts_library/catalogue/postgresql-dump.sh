#!/usr/bin/env bash
# /// borgui
# name = "PostgreSQL: dump databases"
# description = "Dumps one, several or all databases of a PostgreSQL server, and its roles, into a folder before the backup, and reads each dump again."
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
# help = "Names, separated by commas or line breaks; a name with a comma stands in double quotes. Empty: all but the templates."
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
# help = "Where the server is, seen from the client: a name, an address, or the folder of its socket. Empty: the same machine, by its usual socket."
#
# [[parameters]]
# name = "DB_PORT"
# label = "Port"
# help = "Empty: the usual one, 5432."
# type = "integer"
#
# [[parameters]]
# name = "DB_USER"
# label = "User"
# help = "A superuser dumps everything. Empty: named like the system user, in a container postgres."
#
# [[parameters]]
# name = "DB_PASSWORD"
# label = "Password"
# help = "Empty: none, or the one in the client's own ~/.pgpass."
# type = "secret"
#
# [[parameters]]
# name = "RUN_AS"
# label = "System user"
# help = "Run the client as this user of the machine, or of the container: postgres, where the server knows local users by their system name (peer). Empty: as the script, or as the container does."
#
# [[parameters]]
# name = "CONNECT_TO"
# label = "Database to ask"
# help = "Where the list of the databases is asked for."
# default = "postgres"
#
# [[parameters]]
# name = "ROLES"
# label = "Dump roles and tablespaces too"
# help = "With their passwords where DB_USER may read them. Without the roles nothing that belongs to them can be restored into an empty server."
# type = "boolean"
# default = true
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
# name = "PROGRAMS_DIR"
# label = "Folder of the programs"
# help = "Where several versions are installed, such as /usr/lib/postgresql/17/bin. Empty: those in PATH."
# type = "path"
#
# [[parameters]]
# name = "MORE_OPTIONS"
# label = "More options"
# help = "For pg_dump, separated by spaces, such as --exclude-table-data=cache. Everybody on the machine can read them: no passwords."
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

install="Install the package postgresql-client, or name the container that has it."

# What the client finds in its environment, where nobody else can read it; with names only when it runs in a container.
set_environment() {
  local name
  unset DB_PASSWORD PGHOST PGHOSTADDR PGPORT PGUSER PGPASSWORD PGDATABASE PGSERVICE
  if [ "$CONTAINER" ] && [ -z "$DB_USER$RUN_AS" ]; then DB_USER=postgres; fi
  if [ "$DB_HOST" ]; then export PGHOST=$DB_HOST; fi
  if [ "$DB_PORT" ]; then export PGPORT=$DB_PORT; fi
  if [ "$DB_USER" ]; then export PGUSER=$DB_USER; fi
  if [ "$password" ]; then export PGPASSWORD=$password; fi
  export PGCONNECT_TIMEOUT=60
  for name in "${!PG@}"; do into+=(--env "$name"); done
}

# client PROGRAM ARGUMENT...
client() { (cd / && HOME=$home "${at[@]}" "$@"); }

# Sets target: the database of this name. As it stands, a name with = or :// would be taken for more than a name.
find_target() {
  target=${1//\\/\\\\}
  target="dbname='${target//\'/\\\'}'"
}

# ask SQL: the rows, each with a NUL behind it.
ask() {
  find_target "$CONNECT_TO"
  client psql --no-psqlrc --no-password --quiet --no-align --tuples-only --record-separator-zero --variable=ON_ERROR_STOP=1 \
    --dbname="$target" --command="$1" </dev/null 2>"$work/said"
}

# One value.
ask_one() { ask "$1" | tr -d '\0\n'; }

# why_not: one sentence, by what the client said.
why_not() {
  local said
  said=$(<"$work/said")
  if disk_is_full; then return; fi
  case $said in
    *"eer authentication failed"* | *'role "root" does not exist'*)
      say "The server knows local users by their system name: set 'System user' to postgres, or give host, user and password." ;;
    *"authentication failed"* | *"no password supplied"* | *"no pg_hba.conf entry"* | *'role "'*'" does not exist'*)
      say "The server refused this user or password. Correct them, or let the user in (pg_hba.conf)." ;;
    *'database "'*'" does not exist'*) say "There is no such database: correct 'Database to ask'." ;;
    *"permission denied"* | *"must be superuser"* | *"row-level security"*)
      say "The user lacks a right: use a superuser, or give it the role pg_read_all_data." ;;
    *"closed the connection"* | *"terminating connection"* | *"server terminated"* | *"could not receive data"* | *"connection not open"*)
      say "The server ended the connection in the middle." ;;
    *"onnection refused"* | *"No such file or directory"* | *"could not translate"* | *"timeout expired"* | *"starting up"*)
      say "The server cannot be reached. Is it running, and are host and port right?" ;;
    "") say "The client broke off without a word." ;;
    *) say "The lines above are what the client said." ;;
  esac
}

# Sets known, and templates among them.
list_databases() {
  local row
  ask "SELECT datistemplate::int || datname FROM pg_database WHERE datallowconn ORDER BY datname" >"$work/databases" || {
    cat -- "$work/said" >&2
    fail "The databases could not be listed. $(why_not)"
  }
  known=()
  while IFS= read -r -d '' row; do
    known+=("${row:1}")
    if [[ $row == 1* ]]; then templates[=${row:1}]=1; fi
  done <"$work/databases"
}

is_systems() { [ "${templates[=$1]-}" ]; }

# The release of a version, so that they can be compared: 15.3 is 1500, 9.6.2 is 906.
release() {
  [[ $1 =~ ^([0-9]+)(\.([0-9]+))? ]] || return
  if ((BASH_REMATCH[1] < 10)); then say $((BASH_REMATCH[1] * 100 + BASH_REMATCH[3])); else say $((BASH_REMATCH[1] * 100)); fi
}

# pg_dump refuses a server that is newer than itself; here that is said before anything begins.
compare_versions() {
  local server version
  server=$(ask_one "SHOW server_version") || {
    cat -- "$work/said" >&2
    fail "Nothing was dumped. $(why_not)"
  }
  version=$(client pg_dump --version </dev/null)
  [[ $version =~ \)\ ([^ ]+) ]] || fail "pg_dump does not say its version: $version"
  version=${BASH_REMATCH[1]}
  say "server $server, client $version"
  if (($(release "$version") < $(release "$server"))); then
    fail "pg_dump $version is older than the server ($server) and cannot dump it: nothing was dumped. Install postgresql-client-${server%%.*}, give the folder of its programs, or name the server's container."
  fi
}

# run_dump WHAT FILE PROGRAM ARGUMENT...
run_dump() {
  if client "${@:3}" >"$part" 2>"$work/said" </dev/null; then
    cat -- "$work/said" >&2
    keep "$1" "$2"
  else
    cat -- "$work/said" >&2
    problem="$1 could not be dumped. $(why_not)"
    not_kept "$2"
  fi
}

# A dump of a database is read from its first byte to its last, as a restore would; that of the roles has a last line.
is_good() {
  if [ "$(head -c 5 -- "$part")" = PGDMP ]; then
    client pg_restore --file=/dev/null <"$part"
  else
    tail -n 12 -- "$part" | grep -q '^-- PostgreSQL database cluster dump complete'
  fi
}

dump_roles() {
  local options=(--globals-only --no-password) may_read
  if [ "$ROLES" != true ]; then return; fi
  may_read=$(ask_one "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')") || {
    cat -- "$work/said" >&2
    problem="The roles could not be dumped. $(why_not)"
    not_kept "$DUMP_DIR/@globals.sql"
    return
  }
  if [ "$may_read" != t ]; then
    say "The roles are dumped without their passwords: this user may not read them."
    options+=(--no-role-passwords)
  fi
  find_target "$CONNECT_TO"
  run_dump "The roles" "$DUMP_DIR/@globals.sql" pg_dumpall "${options[@]}" --dbname="$target"
}

declare -A templates=()
password=$DB_PASSWORD
set_environment
if [ "$PROGRAMS_DIR" ] && [ -z "$CONTAINER" ]; then
  [ -x "$PROGRAMS_DIR/pg_dump" ] || fail "There is no pg_dump in $PROGRAMS_DIR. Correct 'Folder of the programs', or leave it empty."
  PATH=$PROGRAMS_DIR:$PATH
fi
find_place
enter_folder
first_of pg_dump >"$work/found"
first_of psql >"$work/found"
compare_versions
list_databases
choose
more=()
read -ra more -d '' <<<"$MORE_OPTIONS" || true
if [ "$COMPRESSION" = gzip ]; then level=6; else level=0; fi
for name in "${wanted[@]}"; do
  safe_name "$name"
  find_target "$name"
  run_dump "$name" "$DUMP_DIR/$safe.dump" pg_dump --format=custom --compress="$level" --no-password "${more[@]}" --dbname="$target" || failed+=("$name")
done
dump_roles || failed+=("the roles")
conclude
