#!/bin/sh
# A stand-in for borg where only the life of the process matters: it writes into the ledger when it begins and ends.
case " $* " in
*" --version "*) echo "borg 1.4.0"; exit 0 ;;
*" list "*) echo '{"archives": [], "repository": {"id": "0"}, "encryption": {"mode": "none"}}'; exit 0 ;;
*" compact "*) name=compact ;;
*" check "*) name=check ;;
*) name=borg ;;
esac
echo "$name 1 start $EXECUTION_TOKEN" >> "$LEDGER"
while [ -e "$LEDGER.hold-$name" ]; do sleep 0.02; done
sleep "${NAP:-0.1}"
echo "$name 1 end $EXECUTION_TOKEN" >> "$LEDGER"
echo '{"archive": {"name": "a", "id": "0", "start": "2026-01-01T00:00:00.000000", "end": "2026-01-01T00:00:01.000000", "duration": 1, "stats": {"nfiles": 3, "original_size": 3, "compressed_size": 3, "deduplicated_size": 3}}, "cache": {"stats": {}}, "repository": {"id": "0"}, "encryption": {"mode": "none"}}'
