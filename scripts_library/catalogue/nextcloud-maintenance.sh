#!/usr/bin/env bash
# /// borgui
# name = "Nextcloud: maintenance mode"
# description = "Turns Nextcloud's maintenance mode on before the backup, and off after it."
# version = "1.0"
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# timeout = 300
# interrupts = "Nextcloud ${CONTAINER} ${NEXTCLOUD_PATH}"
# rerun = true
#
# [[parameters]]
# name = "INSTALLATION"
# label = "Kind of installation"
# help = "all-in-one: Nextcloud AIO. container: the official image, or another one. host: PHP of this machine."
# type = "choice"
# choices = ["all-in-one", "container", "host"]
# default = "all-in-one"
#
# [[parameters]]
# name = "CONTAINER"
# label = "Container"
# help = "Its name. Empty: nextcloud-aio-nextcloud for all-in-one, nextcloud for a container."
#
# [[parameters]]
# name = "NEXTCLOUD_PATH"
# label = "Folder of Nextcloud"
# help = "The one with the file occ. Empty: /var/www/html in a container, /var/www/nextcloud on a host."
# type = "path"
#
# [[parameters]]
# name = "NEXTCLOUD_USER"
# label = "User of Nextcloud"
# help = "Who owns config/config.php: www-data, in images of linuxserver.io abc."
# default = "www-data"
#
# [[parameters]]
# name = "PHP_PROGRAM"
# label = "PHP"
# help = "Name or full path, as in php8.2."
# default = "php"
#
# [[parameters]]
# name = "WAIT_SECONDS"
# label = "Seconds to try"
# help = "After the backup, for as long as Nextcloud does not answer: its container or its database may be starting."
# type = "integer"
# default = 90
#
# [[parameters]]
# name = "CLIENT"
# label = "Program for containers"
# help = "auto takes docker where it is installed, else podman."
# type = "choice"
# choices = ["auto", "docker", "podman"]
# default = "auto"
#
# [[parameters]]
# name = "ENGINE_HOST"
# label = "Address of the engine"
# help = "As in unix:///run/user/1000/podman/podman.sock or ssh://root@nas. Empty: where the program looks by itself."
# ///
set -euo pipefail
shopt -s nullglob extglob

: "${INSTALLATION:=all-in-one}" "${CONTAINER:=}" "${NEXTCLOUD_PATH:=}" "${NEXTCLOUD_USER:=www-data}" "${PHP_PROGRAM:=php}"
: "${WAIT_SECONDS:=90}" "${CLIENT:=auto}" "${ENGINE_HOST:=}"
chosen="$INSTALLATION|$CONTAINER|$NEXTCLOUD_PATH|$ENGINE_HOST"

# One file for each script made from this template; it has the same name before and after the backup.
own_name=${0##*/}
own_sum=$(cksum <<<"$chosen")
notes=$STATE_DIR/nextcloud-maintenance.${own_name##+([0-9])-}.${own_sum%% *}

stop_here() {
  printf '%s\n' "$*" >&2
  exit 1
}

# --- how to reach occ ---------------------------------------------------------------------------------------------------
# Sets `occ`, the command to which its arguments are appended, and `place`, what to call it.
find_occ() {
  case $INSTALLATION in
    host) on_this_machine ;;
    all-in-one) in_a_container "${CONTAINER:-nextcloud-aio-nextcloud}" ;;
    *) in_a_container "${CONTAINER:-nextcloud}" ;;
  esac
  # Without it PHP refuses to start where Nextcloud is told to use APCu.
  occ+=("$PHP_PROGRAM" --define apc.enable_cli=1 "$folder/occ" --no-interaction --no-ansi)
}

on_this_machine() {
  folder=${NEXTCLOUD_PATH:-/var/www/nextcloud} place="Nextcloud in ${NEXTCLOUD_PATH:-/var/www/nextcloud}"
  [ -f "$folder/occ" ] || stop_here "There is no file occ in $folder: 'Folder of Nextcloud' is the one that has it."
  command -v -- "$PHP_PROGRAM" >/dev/null || stop_here "There is no program '$PHP_PROGRAM' here. Install it, or name another."
  id -u -- "$NEXTCLOUD_USER" >/dev/null 2>&1 || stop_here "There is no user '$NEXTCLOUD_USER' on this machine."
  if [ "$(id -u)" = "$(id -u -- "$NEXTCLOUD_USER")" ]; then
    occ=()
  elif [ "$(id -u)" = 0 ]; then
    occ=(runuser -u "$NEXTCLOUD_USER" --)
  else
    occ=(sudo --non-interactive --user "$NEXTCLOUD_USER" --)
  fi
}

in_a_container() {
  local name option=--host
  folder=${NEXTCLOUD_PATH:-/var/www/html} place="Nextcloud in the container $1"
  [[ $ENGINE_HOST != /* ]] || ENGINE_HOST=unix://$ENGINE_HOST
  for name in docker podman; do
    [[ $CLIENT == auto || $CLIENT == "$name" ]] && command -v -- "$name" >/dev/null && break
    name=
  done
  [ -n "$name" ] || stop_here "The program ${CLIENT/auto/docker or podman} is not installed here, or not in PATH ($PATH)."
  [ "$name" != podman ] || option=--url
  occ=("$name")
  [ -z "$ENGINE_HOST" ] || occ+=("$option" "$ENGINE_HOST")
  occ+=(exec --user "$NEXTCLOUD_USER" "$1")
}

# mode [--on|--off]: sets `now` to enabled or disabled, and `answer` to all that was said.
mode() {
  now=
  answer=$("${occ[@]}" maintenance:mode "$@" 2>&1) || return 1
  [[ ${answer,,} =~ maintenance\ mode\ (is\ currently\ |already\ )?(enabled|disabled) ]] && now=${BASH_REMATCH[2]}
}

# --- before the backup --------------------------------------------------------------------------------------------------
before() {
  : >>"$notes" || stop_here "STATE_DIR cannot be written. Nothing was changed."
  find_occ
  mode || stop_here "$place does not say whether its maintenance mode is on: ${answer:-no answer}. Nothing was changed."
  if [ "$now" = enabled ]; then
    printf '%s\n' "The maintenance mode of $place is on already, and stays on after the backup."
    return
  fi
  { printf '%s\n' "$place" "${occ[@]}" turning >"$notes" && sync "$notes" "$STATE_DIR"; } \
    || stop_here "STATE_DIR cannot be written. Nothing was changed."
  mode --on || stop_here "The maintenance mode of $place could not be turned on: ${answer:-no answer}"
  printf '%s\n' turned >>"$notes" || true
  mode || true
  [ "$now" = enabled ] || stop_here "The maintenance mode of $place is still not on: ${answer:-no answer}"
  printf '%s\n' "The maintenance mode of $place is on."
}

# --- after the backup ---------------------------------------------------------------------------------------------------
# Where the first half of this very script left no notes, those of others are looked after: nothing stays down.
after() {
  local file files=("$notes") failed=0
  [ -e "$notes" ] || files=("$STATE_DIR"/nextcloud-maintenance.*)
  for file in "${files[@]}"; do
    turn_off "$file" || failed=1
  done
  return "$failed"
}

# The notes: what to call it, the command, and how far it came: turning, turned, off.
turn_off() {
  local lines came=none deadline=$((SECONDS + WAIT_SECONDS))
  mapfile -t lines <"$1"
  while [[ ${#lines[@]} -gt 2 && ${lines[-1]} == @(turning|turned|off) ]]; do
    [ "$came" != none ] || came=${lines[-1]}
    unset 'lines[-1]'
  done
  [ "$came" != none ] || { printf '%s\n' "Nothing was turned on before the backup." && return; }
  place=${lines[0]} occ=("${lines[@]:1}")
  [ "$came" != off ] || { printf '%s\n' "The maintenance mode of $place was turned off already." && return; }
  [ "$came" != turning ] || sleep 3 # the command whose asker was killed may still be at work
  until mode --off && mode && [ "$now" = disabled ]; do
    if ((SECONDS >= deadline)); then
      printf '%s\n' "The maintenance mode of $place could not be turned off: ${answer:-no answer}" >&2
      printf 'Type: %s maintenance:mode --off\n' "${occ[*]}" >&2
      return 1
    fi
    sleep 3
  done
  printf '%s\n' off >>"$1" || true
  printf '%s\n' "The maintenance mode of $place is off."
}

# ------------------------------------------------------------------------------------------------------------------------
if [ "$HOOK_TYPE" = pre-backup ]; then
  before
else
  after
fi
