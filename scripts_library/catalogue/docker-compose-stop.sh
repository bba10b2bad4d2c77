#!/usr/bin/env bash
# /// borgui
# name = "Docker Compose: stop and start a project"
# description = "Stops the services of a Compose project before the backup, and starts those that were running after it."
# version = "1.0"
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# timeout = 600
# interrupts = "${PROJECT} ${SERVICES}"
# rerun = true
#
# [[parameters]]
# name = "PROJECT"
# label = "Project"
# help = "Its name (docker compose ls shows it), or the folder that its compose.yaml lies in."
# required = true
#
# [[parameters]]
# name = "SERVICES"
# label = "Services"
# help = "As compose.yaml names them, separated by spaces or line ends. Empty: all of the project."
#
# [[parameters]]
# name = "ACTION"
# label = "What to do with them"
# help = "A stopped container writes its data out and ends. A paused one stands still within a moment and keeps its memory."
# type = "choice"
# choices = ["stop", "pause"]
# default = "stop"
#
# [[parameters]]
# name = "STOP_SECONDS"
# label = "Seconds for stopping each"
# help = "After these seconds a container that has not ended is killed. Empty: as the container says, mostly 10."
# type = "integer"
#
# [[parameters]]
# name = "WAIT_SECONDS"
# label = "Seconds to wait until all are up"
# help = "Containers with a health check have to become healthy within this time. 0: do not wait."
# type = "integer"
# default = 120
#
# [[parameters]]
# name = "ONE_BY_ONE"
# label = "Start the next when one is healthy"
# help = "For containers that cannot start without the one before. Otherwise all are started at once, and then waited for."
# type = "boolean"
# default = false
#
# [[parameters]]
# name = "CLIENT"
# label = "Program"
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
shopt -s extglob nullglob

: "${PROJECT:=}" "${SERVICES:=}" "${ACTION:=stop}" "${STOP_SECONDS:=}" "${WAIT_SECONDS:=120}" "${ONE_BY_ONE:=false}"
: "${CLIENT:=auto}" "${ENGINE_HOST:=}"
chosen="$PROJECT|$SERVICES|$ENGINE_HOST"

# One file for each script made from this template; it has the same name before and after the backup.
own_name=${0##*/}
own_sum=$(cksum <<<"$chosen")
notes=$STATE_DIR/docker-compose-stop.${own_name##+([0-9])-}.${own_sum%% *}

failed=0
say() { printf '%s\n' "$*"; }
problem() {
  printf '%s\n' "$*" >&2
  failed=1
}
stop_here() {
  problem "$@"
  exit 1
}

# --- the engine ---------------------------------------------------------------------------------------------------------
find_client() {
  local name
  for name in docker podman; do
    if [[ $CLIENT == auto || $CLIENT == "$name" ]] && command -v -- "$name" >/dev/null; then
      client=$name
      return
    fi
  done
  stop_here "The program ${CLIENT/auto/docker or podman} is not installed here, or not in PATH ($PATH). Install it."
}

# use CLIENT HOST: from here on `engine` speaks to this one.
use() {
  local option=--host
  [ "$1" != podman ] || option=--url
  engine=("$1")
  [ -z "$2" ] || engine+=("$option" "$2")
}

# Names as docker's program has them; one that it does not know, as .Id, makes it stumble over a missing health check.
FACTS='{{.ID}}|{{.Name}}|{{.State.Status}}|{{if .State.Health}}{{.State.Health.Status}}{{end}}|{{.HostConfig.AutoRemove}}'

# look NAME: sets id, name, status, health and goes_away. 1: there is no such container. 2: the engine does not say (why).
look() {
  local answer
  if answer=$("${engine[@]}" inspect --type container --format "$FACTS" -- "$1" 2>/dev/null); then
    IFS='|' read -r id name status health goes_away <<<"$answer"
    name=${name#/}
    return 0
  fi
  why=$("${engine[@]}" inspect --type container -- "$1" 2>&1 >/dev/null) || true
  [[ ${why,,} != *"no such container"* ]] || return 1
  return 2
}

# Where nobody has said how long to wait, some versions of podman note 0 s for what is made through their API, as by Compose.
is_killed_at_once() {
  [ "$("${engine[@]}" inspect --type container --format '{{.Config.StopTimeout}}' -- "$id" 2>/dev/null)" = 0 ]
}

# order stop|start|pause|unpause: what the engine says against it.
order() {
  local options=()
  if [ "$1" = stop ]; then
    [ -n "$STOP_SECONDS" ] || ! is_killed_at_once || options=(-t 10)
    [ -z "$STOP_SECONDS" ] || options=(-t "$STOP_SECONDS")
  fi
  { "${engine[@]}" "$1" "${options[@]}" -- "$id" >/dev/null; } 2>&1
}

no_answer="Does the engine run, and may $(id -un 2>/dev/null || id -u) use it? Look at 'Address of the engine'."

# --- before the backup --------------------------------------------------------------------------------------------------
todo=()
in_order=() # the services, those first that depend on others
declare -A containers=() depends=()

PLACE='{{.ID}}|{{index .Config.Labels "com.docker.compose.oneoff"}}|{{index .Config.Labels "com.docker.compose.service"}}'
PLACE+='|{{index .Config.Labels "com.docker.compose.depends_on"}}'

before() {
  local wanted service
  : >>"$notes" || stop_here "STATE_DIR cannot be written. Nothing was stopped."
  read_project
  for service in "${services[@]}"; do
    [ -n "${containers[$service]-}" ] \
      || stop_here "The project '$PROJECT' has no service '$service', only ${in_order[*]}. Nothing was stopped."
  done
  for service in "${in_order[@]}"; do
    [[ ${#services[@]} -eq 0 || " ${services[*]} " == *" $service "* ]] || continue
    for wanted in ${containers[$service]}; do
      look_first "$wanted"
      consider labelled
    done
  done
  for wanted in "${todo[@]}"; do
    halt "$wanted"
  done
  [ "${#todo[@]}" -gt 0 ] || say "Nothing had to be stopped."
}

# What compose has written on the containers: no compose.yaml and no plugin is needed.
read_project() {
  local listed label=com.docker.compose.project=$PROJECT ids one_off service needed found=()
  [[ $PROJECT != /* ]] || label=com.docker.compose.project.working_dir=$(realpath -m -- "$PROJECT")
  ids=$("${engine[@]}" ps --all --no-trunc --filter "label=$label" --format '{{.ID}}') \
    || stop_here "${engine[0]} could not list the containers of '$PROJECT'. Nothing was stopped. $no_answer"
  [ -n "$ids" ] || stop_here "No container belongs to a project '$PROJECT'. Nothing was stopped. Try: ${engine[0]} compose ls"
  mapfile -t found <<<"$ids"
  listed=$("${engine[@]}" inspect --type container --format "$PLACE" -- "${found[@]}") \
    || stop_here "${engine[0]} could not look at the containers of '$PROJECT'. Nothing was stopped. $no_answer"
  found=()
  while IFS='|' read -r id one_off service needed; do
    [ "${one_off,,}" != true ] || continue # of compose run: somebody's own
    [ -n "${containers[$service]-}" ] || found+=("$service")
    containers[$service]+=" $id"
    depends[$service]=,$needed,
  done <<<"$listed"
  for service in "${found[@]}"; do
    put_in_order "$service"
  done
}

# put_in_order SERVICE: after all that depend on it. Compose writes down "db:service_healthy:false,cache:...".
declare -A seen=()
put_in_order() {
  local other
  [ -z "${seen[$1]-}" ] || return 0
  seen[$1]=yes
  for other in "${!depends[@]}"; do
    [[ ${depends[$other]} != *",$1:"* && ${depends[$other]} != *",$1,"* ]] || put_in_order "$other"
  done
  in_order+=("$1")
}

look_first() {
  local code=0
  look "$1" || code=$?
  case $code in
    1) stop_here "There is no container '$1'. Nothing was stopped. Look at its spelling, or take it off the list." ;;
    2) stop_here "${engine[0]} does not answer for '$1': $why. Nothing was stopped. $no_answer" ;;
  esac
}

# consider named|labelled: what was looked at last is to be stopped, or left as it is.
consider() {
  case $status in
    running | restarting) ;;
    paused) say "$name is paused already, and stays so." && return ;;
    dead) say "$name is dead: it does not run, and it cannot be started again. Remove it, and create it anew." && return ;;
    *) say "$name is not running ($status), and stays so." && return ;;
  esac
  if is_this_container "$id"; then
    say "$name is the container in which this program runs: stopping it would end the backup."
    [ "$1" = labelled ] || stop_here "Take $name off the list. Nothing was stopped."
    return
  fi
  [ "$ACTION" = pause ] || [ "$goes_away" != true ] \
    || stop_here "$name was started with --rm: it would be deleted when it stops. Nothing was stopped. Choose 'pause' for it."
  [[ " ${todo[*]%%|*} " == *" $id "* ]] || todo+=("$id|$name|$health")
}

# An engine puts these two files into a container from a folder that bears its ID.
is_this_container() {
  local root place
  while read -r _ _ _ root place _; do
    [[ $place == /etc/@(hosts|hostname) && $root == *"$1"* ]] && return 0
  done </proc/self/mountinfo
  return 1
}

# halt "ID|NAME|HEALTH": the note is on the disk before anything happens to the container.
halt() {
  local called begin=$SECONDS code=0
  IFS='|' read -r id called _ <<<"$1"
  { printf '%s\n' "$ACTION|$1|$client|$ENGINE_HOST" >>"$notes" && sync "$notes" "$STATE_DIR"; } \
    || stop_here "STATE_DIR cannot be written, so $called was not stopped."
  why=$(order "$ACTION") || code=$?
  printf '%s\n' "answered|$id" >>"$notes" || true
  [ "$code" = 0 ] \
    || stop_here "$called did not $ACTION: $why. What was stopped before it is started again after the backup."
  look "$id" && [ "$status" != running ] \
    || stop_here "$called is running again although it was told to $ACTION. Does something else start it? Stop that first."
  say "$called: $ACTION done after $((SECONDS - begin)) s"
}

# --- after the backup ---------------------------------------------------------------------------------------------------
started=()
answered=" " # IDs of which the engine has answered the order; it goes on with one whose asker was killed meanwhile

# Where the first half of this very script left no notes, those of others are looked after: nothing stays down.
after() {
  local file line noted=() files=("$notes")
  [ -e "$notes" ] || files=("$STATE_DIR"/docker-compose-stop.*)
  for file in "${files[@]}"; do
    while IFS= read -r line; do # a last line that was cut off belongs to nothing that was stopped
      case $line in
        answered\|*) answered+="${line#*|} " ;;
        *\|*\|*\|*\|*\|*) noted=("$line" "${noted[@]}") ;;
      esac
    done <"$file"
  done
  [ "${#noted[@]}" -gt 0 ] || say "Nothing was stopped before the backup."
  for line in "${noted[@]}"; do
    bring_back "$line" || true
  done
  [ "${#started[@]}" = 0 ] || [ "$WAIT_SECONDS" -le 0 ] || [ "$ONE_BY_ONE" = true ] || wait_for_all
}

# bring_back "ACTION|ID|NAME|HEALTH|CLIENT|HOST"
bring_back() {
  local action wanted called was code=0 tool host
  IFS='|' read -r action wanted called was tool host <<<"$1"
  use "$tool" "$host"
  look "$wanted" || code=$?
  if [ "$code" = 1 ]; then
    code=0
    look "$called" || code=$?
    [ "$code" != 0 ] || say "$called has been created anew since it was stopped."
  fi
  case $code in
    1) problem "$called is gone: somebody removed it while it was stopped. Create it again, the way it was made." ;;
    2) problem "$called could not be started, ${engine[0]} does not answer: $why. $no_answer" ;;
    *) run_again "$action" "$wanted" "$called" && started+=("$id|$was|$tool|$host") && one_by_one "$was" ;;
  esac
}

# run_again stop|pause ID NAME, the two as they were noted
run_again() {
  local command=start
  [ "$name" = "$3" ] || say "$3 is now called $name."
  if [[ $1:$status == stop:@(running|restarting|stopping) && $answered != *" $2 "* && $id == "$2" ]]; then
    say "$name was about to be stopped when the backup broke off: waiting for the end of that."
    order stop || true
    printf '\n%s\n' "answered|$2" >>"$notes" || true
    look "$2" || true
  fi
  case $1:$status in
    *:running | *:restarting) say "$name is running." && return ;;
    pause:paused) command=unpause ;;
    *:paused) problem "$name is paused, and not by this script. Type: ${engine[0]} unpause $name" && return 1 ;;
    *:dead | *:removing)
      problem "$name is $status and cannot be started. Remove it (${engine[0]} rm -f $name), and create it again."
      return 1
      ;;
  esac
  if why=$(order "$command"); then
    say "$name: $command done"
  else
    problem "$name did not $command: $why. See: ${engine[0]} logs $name" && return 1
  fi
}

one_by_one() {
  [ "$ONE_BY_ONE" = true ] && [ "$WAIT_SECONDS" -gt 0 ] || return 0
  deadline=$((SECONDS + WAIT_SECONDS))
  until_up "$1"
}

wait_for_all() {
  local entry was tool host
  deadline=$((SECONDS + WAIT_SECONDS))
  sleep 1 # one that ends at once has ended by then
  for entry in "${started[@]}"; do
    IFS='|' read -r id was tool host <<<"$entry"
    use "$tool" "$host"
    until_up "$was"
  done
}

# until_up HEALTH_BEFORE: the container of `id` runs, and is healthy where it has a health check that was not failing before.
until_up() {
  local wanted=$id
  while look "$wanted"; do
    case $status:$health:$1 in
      running:healthy:* | running::* | running:none:*) return ;;
      running:*:unhealthy) say "$name is $health, and was unhealthy before the backup: not waited for." && return ;;
      running:* | restarting:*) ;;
      *) problem "$name did not stay up, it is $status. See: ${engine[0]} logs $name" && return ;;
    esac
    if ((SECONDS >= deadline)); then
      [ -z "$health" ] || status+=", health check: $health"
      problem "$name is not up after $WAIT_SECONDS s: $status. See: ${engine[0]} logs $name"
      return
    fi
    sleep 1
  done
  problem "$name cannot be found any more: it ended and was removed, or the engine does not answer."
}

# ------------------------------------------------------------------------------------------------------------------------
services=()
if [ "$HOOK_TYPE" = pre-backup ]; then
  read -r -d '' -a services <<<"$SERVICES" || true
  [ -n "$PROJECT" ] || stop_here "No project is given: fill in its name or its folder."
  [[ $ENGINE_HOST != /* ]] || ENGINE_HOST=unix://$ENGINE_HOST
  find_client
  use "$client" "$ENGINE_HOST"
  before
else
  after
fi
exit "$failed"
