#!/usr/bin/env bash
# /// borgui
# name = "Monitor: ping and message"
# description = "Tells a monitor that the backup began, went well or failed, and sends a message where that is wanted."
# version = "1.0"
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# timeout = 120
# rerun = true
#
# [[parameters]]
# name = "PING_URL"
# label = "Address of the monitor"
# help = "The whole address that the monitor shows. Empty: nothing is pinged."
# type = "secret"
#
# [[parameters]]
# name = "MONITOR"
# label = "Kind of monitor"
# help = "healthchecks: adds /start and /fail, sends a text. uptime-kuma: a push monitor. plain: called after a good backup."
# type = "choice"
# choices = ["healthchecks", "uptime-kuma", "plain"]
# default = "healthchecks"
#
# [[parameters]]
# name = "WARNING_IS"
# label = "A backup with warnings counts as"
# help = "The archive exists; something in it or around it was not as it should be."
# type = "choice"
# choices = ["success", "failure"]
# default = "success"
#
# [[parameters]]
# name = "MESSAGE"
# label = "Send a message"
# help = "Through the notifications of this program, with the same text. problems: not after a good or a skipped backup."
# type = "choice"
# choices = ["never", "problems", "always"]
# default = "problems"
#
# [[parameters]]
# name = "LOG_FILE"
# label = "A log to send along"
# help = "Its last lines go into the text, as of a log that a script of yours writes. Empty: what borg said."
# type = "path"
#
# [[parameters]]
# name = "LOG_LINES"
# label = "Lines of the log"
# help = "How many of the last lines go into the text."
# type = "integer"
# default = 40
#
# [[parameters]]
# name = "TIMEOUT_SECONDS"
# label = "Seconds for one try"
# help = "After these seconds without an answer a try is given up; there are three."
# type = "integer"
# default = 10
#
# [[parameters]]
# name = "MUST_ARRIVE"
# label = "A ping that does not arrive is a failure"
# help = "Otherwise it is only written into the log: a monitor that is down must not stop a backup."
# type = "boolean"
# default = false
# ///
set -euo pipefail
shopt -s extglob

: "${PING_URL:=}" "${MONITOR:=healthchecks}" "${WARNING_IS:=success}" "${MESSAGE:=problems}" "${LOG_FILE:=}" "${LOG_LINES:=40}"
: "${TIMEOUT_SECONDS:=10}" "${MUST_ARRIVE:=false}"

# One file for each script made from this template; it has the same name before and after the backup.
own_name=${0##*/}
own_sum=$(cksum <"$0")
notes=$STATE_DIR/healthcheck-notify.${own_name##+([0-9])-}.${own_sum%% *}

say() { printf '%s\n' "$*"; }

# --- what is said -------------------------------------------------------------------------------------------------------
# The moment of the beginning and a number that ties start and end together, noted by the first half.
begun='' run_id=''
recall() {
  [ ! -s "$notes" ] || read -r begun run_id <"$notes" || true
  [[ $begun == +([0-9]) && $run_id == +([0-9a-f-]) ]] || begun='' run_id=''
}

duration() {
  local seconds
  [ -n "$begun" ] || return 0
  seconds=$(($(date +%s) - begun))
  printf 'Duration: %d h %d min %d s\n' $((seconds / 3600)) $((seconds % 3600 / 60)) $((seconds % 60))
}

title() {
  case $BACKUP_STATUS in
    success) say "$REPOSITORY_NAME: backed up" ;;
    warning) say "$REPOSITORY_NAME: backed up, with warnings" ;;
    skipped) say "$REPOSITORY_NAME: not backed up today, it was skipped" ;;
    cancelled) say "$REPOSITORY_NAME: not backed up, somebody stopped it" ;;
    *) say "$REPOSITORY_NAME: not backed up" ;;
  esac
}

text() {
  title
  say "Archive: ${ARCHIVE_NAME:-none}"
  duration
  [ -z "$BACKUP_EXIT_CODE" ] || say "borg ended with $BACKUP_EXIT_CODE."
  [ -z "$BACKUP_ERROR" ] || tail -n "$LOG_LINES" <<<"$BACKUP_ERROR"
  end_of_log
}

# Where no file is named it is what borg said; its lines begin with a time and a letter for the stream.
end_of_log() {
  local of_borg=$LIBRARY_DIR/../../logs/jobs/$JOB_ID.log
  if [ -n "$LOG_FILE" ]; then
    printf '\n%s:\n' "The end of $LOG_FILE"
    { tail -n "$LOG_LINES" -- "$LOG_FILE" | tail -c 20000; } 2>&1 || true
  elif [[ -n $JOB_ID && -r $of_borg ]]; then
    printf '\nThe end of what borg said:\n'
    tail -n "$LOG_LINES" -- "$of_borg" | cut -d ' ' -f 3- | tail -c 20000 || true
  fi
}

# --- the ping -----------------------------------------------------------------------------------------------------------
# ping ENDING QUERY TEXT: calls the address with the ending in its path. The address is in no command line.
ping() {
  local base=${PING_URL%%\?*} address query='' why
  [[ $PING_URL != *\?* ]] || query=${PING_URL#*\?}
  [ "$MONITOR" != uptime-kuma ] || query='' # it shows an address with an example of a query
  base=${base%/} address=${base%/}$1
  [ -z "$query$2" ] || address+="?$query${query:+${2:+&}}$2"
  if [[ ${address,,} != http?(s)://* || $address == *[[:space:]]* ]]; then
    not_sent "the address of the monitor does not begin with http:// or https://, or has spaces in it"
  elif command -v curl >/dev/null; then
    why=$(by_curl "$address" "$3" 2>&1 >/dev/null) || not_sent "$why"
  elif command -v wget >/dev/null; then
    why=$(by_wget "$address" "$3" 2>&1 >/dev/null) || not_sent "$why"
  else
    not_sent "neither curl nor wget is installed here"
  fi
}

# No call lasts longer, also where a monitor asks for patience (Retry-After) or sends its answer for ever.
longest=$((TIMEOUT_SECONDS * 3 + 3))
((longest <= 90)) || longest=90 # the script itself has 120

bounded() {
  local code=0
  timeout --foreground "$longest" "$@" || code=$?
  [ "$code" != 124 ] || say "it was not done after $longest s" >&2
  return "$code"
}

# Some versions of curl end well after a refusal that asks for more patience than they may have: the code is what counts.
by_curl() {
  local code
  code=$({ setting url "$1" && { [ -z "$2" ] || setting data-binary "$2"; }; } \
    | bounded curl --silent --show-error --fail --location --max-redirs 3 --max-time "$TIMEOUT_SECONDS" \
      --retry 2 --retry-delay 1 --retry-max-time "$longest" --retry-connrefused \
      --output /dev/null --write-out '%{http_code}' --config -) || return
  [[ ${code: -3} == [23]?? ]] || {
    say "the answer was $code" >&2
    return 1
  }
}

# setting NAME VALUE: one line of curl's configuration.
setting() {
  local value=${2//\\/\\\\}
  value=${value//\"/\\\"} value=${value//$'\r'/}
  printf '%s = "%s"\n' "$1" "${value//$'\n'/\\n}"
}

by_wget() {
  local options=()
  [ -z "$2" ] || options=(--post-data "$2")
  bounded wget --no-verbose --output-document /dev/null --timeout "$TIMEOUT_SECONDS" --tries 3 --waitretry 1 --retry-connrefused \
    --retry-on-http-error 500,502,503,504 "${options[@]}" --input-file <(say "$1")
}

failed=0
not_sent() {
  say "The monitor was not reached: ${1//"$base"/(its address)}" >&2
  if [ "$MUST_ARRIVE" = true ]; then failed=1; else say "That does not stop the backup."; fi
}

url_quoted() {
  local text=$1 index code quoted='' LC_ALL=C
  for ((index = 0; index < ${#text}; index++)); do
    case ${text:index:1} in
      [A-Za-z0-9.~_-]) quoted+=${text:index:1} ;;
      *)
        printf -v code '%d' "'${text:index:1}"
        printf -v quoted '%s%%%02X' "$quoted" $((code & 255))
        ;;
    esac
  done
  say "$quoted"
}

# ------------------------------------------------------------------------------------------------------------------------
before() {
  begun=$(date +%s) run_id=$(</proc/sys/kernel/random/uuid)
  say "$begun $run_id" >"$notes" || true
  [ "$MONITOR" != healthchecks ] || ping /start "rid=$run_id" "$REPOSITORY_NAME: the backup begins"
}

after() {
  recall
  case $MONITOR:$BACKUP_STATUS in
    healthchecks:skipped) tell /log ;;
    *:skipped) say "Skipped: the monitor is told nothing." ;;
    *:success) tell "" ;;
    *:warning) if [ "$WARNING_IS" = success ]; then tell ""; else tell /fail; fi ;;
    *) tell /fail ;;
  esac
}

tell() {
  case $MONITOR:$1 in
    healthchecks:*) ping "$1" "${run_id:+rid=$run_id}" "$(text)" ;;
    uptime-kuma:) ping "" "status=up&msg=$(url_quoted "$(title)")" "" ;;
    uptime-kuma:*) ping "" "status=down&msg=$(url_quoted "$(title)")" "" ;;
    plain:) ping "" "" "" ;;
    *) say "A plain monitor is not called after a backup that failed: it notices that nobody called." ;;
  esac
}

message() {
  case $MESSAGE:$BACKUP_STATUS in
    never:* | problems:success | problems:skipped) ;;
    *) text >"$NOTIFY_FILE" || say "The message could not be written: is the disk full?" >&2 ;;
  esac
}

if [ "$HOOK_TYPE" = pre-backup ]; then
  [ -z "$PING_URL" ] || before
else
  message
  [ -z "$PING_URL" ] || after
fi
exit "$failed"
