#!/bin/sh
# Power cuts on a real file system: a run that saves after every iteration on an ext4 image, which is copied at random moments, as the device was. The
# copy is mounted, its journal played back, and the run resumed there: what was saved before the last save is there, and in the end the
# bytes are those of a run that nothing happened to. Needs root and a loop device.
# environment: CUTS  how many (default 5)
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

mkdir "$scratch/disk" "$scratch/copy"
truncate -s 48M "$scratch/image"
if ! mkfs.ext4 -q -F "$scratch/image" >/dev/null 2>&1 || ! mount -o loop "$scratch/image" "$scratch/disk" 2>/dev/null; then
  passed "NOT RUN: this machine lets no image be mounted (root, mkfs.ext4 and a loop device are needed)"
  exit 0
fi
trap 'if [ -n "$launcher" ]; then kill -KILL $(descendants "$launcher") "$launcher" 2>/dev/null || true; wait; fi
  umount "$scratch/copy" 2>/dev/null || true; umount "$scratch/disk" || umount -l "$scratch/disk"; rm -rf "$scratch"' EXIT

run=$scratch/disk/run
options="--seed 7 --checkpoint-every 1 --keep 2 --epochs 1000000"
# shellcheck disable=SC2086 # one word per option
"$program" train --data "$demo" --run "$run" $sizes $options >"$scratch/log" 2>&1 </dev/null &
launcher=$!
started() { has_ended || [ "$(newest "$run")" -ge 3 ]; }
wait_until 60 started || fail "no third checkpoint within 60 seconds"

cuts=${CUTS:-5} lost=0 last=0
for cut in $(seq "$cuts"); do
  has_ended && fail "the run ended by itself"
  # Whatever it is doing then.
  sleep "0.$(($(od -An -N2 -tu2 /dev/urandom) % 900 + 100))"
  kill -STOP "$launcher"
  seen=$(newest "$run")
  cp --sparse=always "$scratch/image" "$scratch/image.cut"
  kill -CONT "$launcher"
  mount -o loop "$scratch/image.cut" "$scratch/copy" || fail "cut $cut: the file system cannot be mounted"
  kept=$(newest "$scratch/copy/run")
  # Saves follow one another: with this one's name there, the one before it was reported.
  [ "$kept" -ge "$((seen - 1))" ] || fail "cut $cut: checkpoint $seen had its name, and $kept is the newest that is left"
  [ "$kept" -eq "$seen" ] || lost=$((lost + 1))
  last=$((seen + 2))
  # shellcheck disable=SC2086
  expect 0 train 1 "$scratch/copy/run" $options --max-iterations "$last" --resume latest
  said "resuming .* after iteration $kept"
  # shellcheck disable=SC2086
  expect 0 train 1 "$scratch/whole" --seed 7 --checkpoint-every 0 --epochs 1000000 --max-iterations "$last"
  expect_same_state "$(checkpoint "$scratch/whole" "$last")" "$(checkpoint "$scratch/copy/run" "$last")"
  umount "$scratch/copy"
  rm -r "$scratch/image.cut" "$scratch/whole"
done

passed "$cuts power cuts on ext4: $lost lost a save under way, none one that was done; each run went on to the same bytes"
