#!/usr/bin/env bash
# A docker client without an engine: each container is a folder beside this file, named by its ID, with a file for each
# fact. What it answers is what docker 20.10 answers, word for word where a template reads the words.
set -euo pipefail
here=$(cd -- "${BASH_SOURCE[0]%/*}" && pwd)
facts='{{.ID}}|{{.Name}}|{{.State.Status}}|{{if .State.Health}}{{.State.Health.Status}}{{end}}|{{.HostConfig.AutoRemove}}'

refuse() {
  printf '%s\n' "$*" >&2
  exit 1
}
fact() { if [ -e "$one/$1" ]; then printf '%s' "$(<"$one/$1")"; fi; }

find_container() {
  for one in "$here"/*/; do
    one=${one%/}
    if [[ ${one##*/} == "$1" || $(fact name) == "$1" ]]; then return; fi
  done
  refuse "Error: No such container: $1"
}

change() {
  local name && name=$(fact name)
  echo "$verb $name${options[*]:+ ${options[*]}}" >>"$here/calls"
  [ "$(fact status)" != dead ] || refuse "Error response from daemon: container is marked for removal and cannot be started"
  [[ " $(fact fails) " != *" $verb "* ]] || refuse "Error response from daemon: cannot $verb container: $name: permission denied"
  while [ -e "$here/hold-$verb-$name" ]; do sleep 0.02; done
  case $verb in
    start) fact becomes >"$one/health.new" && mv "$one/health.new" "$one/health" && echo running >"$one/status" ;;
    unpause) echo running >"$one/status" ;;
    stop) echo exited >"$one/status" ;;
    pause) echo paused >"$one/status" ;;
  esac
  if [ "$verb" = stop ] && [ "$(fact rm)" = true ]; then rm -r "$one"; fi
}

show() {
  local line=${format//'{{.ID}}'/${one##*/}}
  [ "$format" != "$facts" ] || line="${one##*/}|/$(fact name)|$(fact status)|$(fact health)|$(fact rm)"
  [ "$format" != '{{.Config.StopTimeout}}' ] || line=$(fact grace)
  while [[ $line =~ \{\{index\ \.Config\.Labels\ \"([^\"]*)\"\}\} ]]; do
    line=${line//"${BASH_REMATCH[0]}"/$(sed -n "s|^${BASH_REMATCH[1]}=||p" "$one/labels")}
  done
  [[ $line != *'{{'* ]] || refuse "template parsing error: $line"
  printf '%s\n' "$line"
}

list() {
  local line wanted matches
  for one in "$here"/*/; do
    one=${one%/} matches=true
    for wanted in "${filters[@]}"; do
      case $wanted in
        label=*=*) grep -qxF -- "${wanted#label=}" "$one/labels" || matches=false ;;
        label=*) grep -q -- "^${wanted#label=}=" "$one/labels" || matches=false ;;
        status=*) [ "$(fact status)" = "${wanted#status=}" ] || matches=false ;;
        *) refuse "invalid filter '$wanted'" ;;
      esac
    done
    [ "$matches" = true ] || continue
    line=${format//'{{.Names}}'/$(fact name)}
    printf '%s\n' "${line//'{{.ID}}'/${one##*/}}"
  done
}

shopt -s nullglob
while [[ ${1:-} == --host || ${1:-} == --url ]]; do shift 2; done
[ ! -e "$here/down" ] \
  || refuse "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
verb=$1 options=() filters=() format=
shift
while [ $# -gt 0 ]; do
  case $1 in
    --) shift && break ;;
    --format) format=$2 && shift 2 ;;
    --filter) filters+=("$2") && shift 2 ;;
    --type | -t) options+=("$1" "$2") && shift 2 ;;
    -*) options+=("$1") && shift ;;
    *) break ;;
  esac
done
case $verb in
  stop | start | pause | unpause)
    find_container "$1"
    change
    ;;
  inspect)
    for asked; do
      find_container "$asked"
      show
    done
    ;;
  ps) list ;;
  *) refuse "docker: '$verb' is not a docker command." ;;
esac
