#!/bin/bash
# A job on a data directory that is full in the middle of it, and its recovery when there is room again.
#
#     small_disk.sh disk|limit DATA_DIR JOB PYTHON MANAGE_PY
#
# disk: in a mount namespace of its own DATA_DIR becomes a file system of 8 MiB; what is in it at the end is copied to
# DATA_DIR.result. limit: where no mount is allowed, a limit for the size of each file stands in for the full disk.
set -u
weather=$1 data=$2 job=$3 python=$4 manage=$5

result=$data.result
if [ "$weather" = disk ]; then
  mount -t tmpfs -o size=8m small "$data.disk" || exit
  cp -a "$data/." "$data.disk/"
  mount --bind "$data.disk" "$data"
  "$python" "$manage" run_job "$job"
else
  (ulimit -S -f 1100; exec "$python" "$manage" run_job "$job")
fi
echo "run_job: $?"

rm -f "$data/fill"
"$python" "$manage" recover
echo "recover: $?"

mkdir "$result"
cp -a "$data/." "$result/"
