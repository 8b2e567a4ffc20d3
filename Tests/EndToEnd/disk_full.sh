#!/bin/sh
# A disk (a tmpfs) that is full for a while: the run says so and goes on, the checkpoint that was there stays, and once there is room
# again it saves, to the bytes of a run that had room all along. Needs root and a kernel that lets it mount; says so where it may not.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

disk=$scratch/disk
mkdir "$disk"
if [ "$(id -u)" -ne 0 ] || ! mount -t tmpfs -o size=24m full "$disk" 2>"$scratch/output"; then
  passed "NOT RUN: no tmpfs can be mounted here"
  exit 0
fi
trap 'if [ -n "$launcher" ]; then kill -KILL $(descendants "$launcher") "$launcher" 2>/dev/null || true; fi; umount -l "$disk"; rm -rf "$scratch"' EXIT
run=$disk/run
set -- --seed 7 --epochs 1000000 --checkpoint-every 10 --keep 2
has_saved() { has_ended || [ "$(newest "$run")" != "$before" ]; }
has_failed() { has_ended || grep -q -i 'no space left' "$scratch/output"; }

before=0
# shellcheck disable=SC2086 # one word per option
"$root/launch/mpirun" 2 "$program" train --data "$demo" --run "$run" $sizes "$@" --max-iterations 1000000 >"$scratch/output" 2>&1 </dev/null &
launcher=$!
wait_until 60 has_saved || fail "no checkpoint within 60 seconds"
saved=$(newest "$run")
dd if=/dev/zero of="$disk/filler" bs=64k 2>/dev/null || true
wait_until 60 has_failed || fail "a full disk goes unnoticed"
kept=$(newest "$run")
[ "$kept" -ge "$saved" ] || fail "checkpoint $saved is gone, the newest is $kept"
rm "$disk/filler"
if has_ended; then
  # Three saves in a row that fail end a run, and a log that cannot be written does.
  wait_for_end 74
  how="ended with 74"
else
  before=$kept
  wait_until 60 has_saved || fail "nothing is saved though there is room again"
  how="went on"
  kill -USR1 "$launcher" 2>/dev/null || true
  wait_until 60 has_ended || fail "still running after SIGUSR1"
  wait "$launcher" || true
  launcher=''
fi
last=$(($(newest "$run") + 2))
expect 0 train 2 "$run" "$@" --max-iterations "$last" --resume latest
expect 0 train 2 "$scratch/whole" "$@" --checkpoint-every 0 --max-iterations "$last"
expect_same_state "$(checkpoint "$scratch/whole" "$last")" "$(checkpoint "$run" "$last")"

# A folder for other hosts that gets the program, and not the libraries that it loads; nothing that could be mistaken for a whole one.
rm -r "$run"
mount -o remount,size="$(($(wc -c <"$program") / 1024 + 1024))k" "$disk"
expect 74 "$root/launch/bundle" "$disk/bundle" --program "$program"
said "cannot copy the libraries to '$disk/bundle'"
[ -x "$disk/bundle/bin/cegzsl" ] || fail "there was no room for the program itself"
[ ! -e "$disk/bundle/launch" ] || fail "half a bundle has launchers"

passed "a full disk: the run $how, checkpoint $kept stayed, and with room again it has the bytes of a run that always had it"
