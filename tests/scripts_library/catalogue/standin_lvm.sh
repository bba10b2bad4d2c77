#!/usr/bin/env bash
# LVM, mount and the like without a kernel that has them, under all their names. A volume is a folder GROUP/NAME beside
# this file with a file for each fact; what is mounted stands in the file `mounts`, as DEVICE|FOLDER|OPTIONS.
set -euo pipefail
here=$(cd -- "${BASH_SOURCE[0]%/*}" && pwd)
refuse() {
  printf '  %s\n' "$*" >&2
  exit 5
}
fact() { cat -- "$here/groups/$1" 2>/dev/null || true; }
say_fields() {
  local field line='' volume=$1 value
  for field in ${fields//,/ }; do
    case $field in
      vg_name) value=${volume%/*} ;;
      lv_name) value=${volume#*/} ;;
      *) value=$(fact "$volume/$field") ;;
    esac
    line+="|$value"
  done
  printf '  %s\n' "${line#|}"
}

options=() fields='' name='' tags='' size='' how='' source='' target=''
program=${0##*/}
printf '%s %s\n' "$program" "$*" >>"$here/calls"
while [ $# -gt 0 ]; do
  case $1 in
    --options) fields=$2 && shift ;;
    --name) name=$2 && shift ;;
    --addtag) tags+="${tags:+,}$2" && shift ;;
    --size) size=${2%m} && shift ;;
    --source) source=$2 && shift ;;
    -o) how=$2 && shift ;;
    -s | --output | --separator | --units | --setactivationskip) shift ;;
    -*) ;;
    *) options+=("$1") ;;
  esac
  shift
done
target=${options[0]-}
target=${target#/dev/}
case $program in
  vgs)
    say_fields "$target"
    ;;
  lvs)
    if [[ $target == @* ]]; then
      for volume in "$here"/groups/*/*/; do
        volume=${volume#"$here/groups/"} volume=${volume%/}
        [[ ,$(fact "$volume/lv_tags"), != *",${target#@},"* ]] || say_fields "$volume"
      done
    else
      [ -d "$here/groups/$target" ] || refuse "Failed to find logical volume \"$target\""
      say_fields "$target"
    fi
    ;;
  lvcreate)
    group=${target%/*}
    [ ! -e "$here/groups/$group/$name" ] || refuse "Logical Volume \"$name\" already exists in volume group \"$group\""
    [ ! -e "$here/no-lvcreate" ] || refuse "device-mapper: create ioctl failed: Device or resource busy"
    mkdir "$here/groups/$group/$name"
    echo "$tags" >"$here/groups/$group/$name/lv_tags"
    echo "${target#*/}" >"$here/groups/$group/$name/origin"
    echo "$size" >"$here/groups/$group/$name/size"
    echo swi-a-s--- >"$here/groups/$group/$name/lv_attr"
    echo "  Logical volume \"$name\" created."
    ;;
  lvremove)
    [ -d "$here/groups/$target" ] || refuse "Failed to find logical volume \"$target\""
    ! grep -q "^/dev/$target|" "$here/mounts" || refuse "Logical volume $target contains a filesystem in use."
    rm -r "$here/groups/$target"
    echo "  Logical volume \"${target#*/}\" successfully removed."
    ;;
  blkid) fact "${target}/type" ;;
  mount)
    [ ! -e "$here/no-mount" ] || refuse "mount: wrong fs type, bad option, bad superblock on ${options[0]}"
    echo "${options[0]}|${options[1]}|$how" >>"$here/mounts"
    ;;
  umount)
    [ ! -e "$here/busy" ] || { rm "$here/busy" && refuse "umount: $target: target is busy."; }
    grep -v "|${options[0]}|" "$here/mounts" >"$here/mounts.new" || true
    mv "$here/mounts.new" "$here/mounts"
    ;;
  findmnt) grep "^$source|" "$here/mounts" | cut -d '|' -f 2 ;;
  mountpoint) grep -q "|${options[0]}|" "$here/mounts" ;;
esac
