#!/usr/bin/env bash
# /// borgui
# name = "Wake a machine over the network"
# description = "Wakes the machine that the backup goes to and waits for it; puts it to sleep again if it was asleep before."
# version = "1.0"
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# timeout = 600
# rerun = true
#
# [[parameters]]
# name = "MAC_ADDRESS"
# label = "MAC address"
# help = "Of the network card that wakes the machine, as in 00:11:22:aa:bb:cc. Several are separated by spaces."
# required = true
#
# [[parameters]]
# name = "TARGET_HOST"
# label = "Machine"
# help = "Its name or address in the network."
# required = true
#
# [[parameters]]
# name = "TARGET_PORT"
# label = "Port to wait for"
# help = "The machine counts as awake when something listens there: 22 for ssh, 445 for a Windows share, 2049 for NFS."
# type = "integer"
# default = 22
#
# [[parameters]]
# name = "WAIT_SECONDS"
# label = "Seconds to wait for it"
# help = "From the first call. The call is repeated every ten seconds."
# type = "integer"
# default = 240
#
# [[parameters]]
# name = "BROADCAST"
# label = "Broadcast address"
# help = "Where the call is sent. In another network than this machine's its own one, as in 192.168.2.255."
# default = "255.255.255.255"
#
# [[parameters]]
# name = "BROADCAST_PORT"
# label = "Port of the call"
# help = "9 nearly everywhere, on some machines 7."
# type = "integer"
# default = 9
#
# [[parameters]]
# name = "IF_NOT_AWAKE"
# label = "If it does not wake up"
# help = "skip: no backup today, and nobody is alarmed. fail: the backup failed."
# type = "choice"
# choices = ["skip", "fail"]
# default = "fail"
#
# [[parameters]]
# name = "SLEEP_COMMAND"
# label = "Command that puts it to sleep"
# help = "Run after the backup if the machine was asleep before, as in ssh -o BatchMode=yes root@nas poweroff. Empty: stays on."
# ///
set -euo pipefail
shopt -s extglob nullglob

: "${MAC_ADDRESS:=}" "${TARGET_HOST:=}" "${TARGET_PORT:=22}" "${WAIT_SECONDS:=240}" "${BROADCAST:=255.255.255.255}"
: "${BROADCAST_PORT:=9}" "${IF_NOT_AWAKE:=fail}" "${SLEEP_COMMAND:=}"
chosen="$TARGET_HOST|$TARGET_PORT|$MAC_ADDRESS"

# One file for each script made from this template; it has the same name before and after the backup.
own_name=${0##*/}
own_sum=$(cksum <<<"$chosen")
notes=$STATE_DIR/wake-on-lan.${own_name##+([0-9])-}.${own_sum%% *}

say() { printf '%s\n' "$*"; }
stop_here() {
  say "$*" >&2
  exit "${code:-1}"
}

# Those who do not answer at all are given up after three seconds, so this script asks in a process of its own.
is_awake() { timeout 3 bash "$0" --is-awake 2>/dev/null; }
if [ "${1:-}" = --is-awake ]; then
  exec 3<>"/dev/tcp/$TARGET_HOST/$TARGET_PORT"
  exit
fi

# --- before the backup --------------------------------------------------------------------------------------------------
before() {
  local deadline next_call macs=() mac
  read -r -d '' -a macs <<<"$MAC_ADDRESS" || true
  [ "${#macs[@]}" -gt 0 ] || stop_here "No MAC address is given."
  for mac in "${macs[@]}"; do
    [[ ${mac//-/:} =~ ^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$ ]] \
      || stop_here "'$mac' is no MAC address: it has six pairs as in 00:11:22:aa:bb:cc."
  done
  if is_awake; then
    say "$TARGET_HOST is awake already, and stays so after the backup."
    return
  fi
  { say "$TARGET_HOST" >"$notes" && sync "$notes" "$STATE_DIR"; } || stop_here "STATE_DIR cannot be written. Nobody was woken."
  call "${macs[@]}"
  deadline=$((SECONDS + WAIT_SECONDS)) next_call=$((SECONDS + 10)) # looking whether it is awake took its time, too
  until is_awake; do
    if ((SECONDS >= deadline)); then
      [ "$IF_NOT_AWAKE" = fail ] || code=75
      say "Is $TARGET_HOST set up to be woken, and is the address right?" >&2
      stop_here "$TARGET_HOST did not wake up: nothing listens on its port $TARGET_PORT after $WAIT_SECONDS s."
    fi
    if ((SECONDS >= next_call)); then
      call "${macs[@]}"
      next_call=$((SECONDS + 10))
    fi
    sleep 1
  done
  say "$TARGET_HOST is awake after $((SECONDS)) s."
}

# call MAC...: six bytes of 255, then the address sixteen times.
call() {
  local mac
  say "Calling $*"
  if command -v python3 >/dev/null; then
    python3 -c '
import socket, sys
where, port, *macs = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    for mac in macs:
        sender.sendto(b"\xff" * 6 + bytes.fromhex(mac.replace(":", "").replace("-", "")) * 16, (where, int(port)))
' "$BROADCAST" "$BROADCAST_PORT" "$@" || stop_here "The call could not be sent to $BROADCAST: the line above says why."
  elif command -v wakeonlan >/dev/null; then
    for mac; do
      wakeonlan -i "$BROADCAST" -p "$BROADCAST_PORT" "${mac//-/:}" || stop_here "The call could not be sent to $BROADCAST."
    done
  else
    stop_here "Neither python3 nor wakeonlan is installed here, so nobody can be woken."
  fi
}

# --- after the backup ---------------------------------------------------------------------------------------------------
after() {
  if [ ! -s "$notes" ]; then
    say "$TARGET_HOST was not woken for this backup, and stays as it is."
  elif [ -z "$SLEEP_COMMAND" ]; then
    say "No command is given that puts $TARGET_HOST to sleep: it stays on."
  elif ! is_awake; then
    say "$TARGET_HOST does not listen on port $TARGET_PORT: it is asleep already."
  else
    say "$TARGET_HOST was asleep before the backup: $SLEEP_COMMAND"
    put_to_sleep
  fi
}

# A machine that goes down closes the connection, which ssh calls a failure: what counts is that it does not listen any more.
put_to_sleep() {
  local ended=0 deadline
  bash -c "$SLEEP_COMMAND" || ended=$?
  [ "$ended" != 0 ] || return 0
  deadline=$((SECONDS + 60))
  while is_awake; do
    ((SECONDS < deadline)) || stop_here "$TARGET_HOST is still awake: the command that puts it to sleep ended with $ended."
    sleep 2
  done
  say "$TARGET_HOST has gone to sleep."
}

# ------------------------------------------------------------------------------------------------------------------------
if [ "$HOOK_TYPE" = pre-backup ]; then
  before
else
  after
fi
