#!/bin/sh
# An error that all ranks share is said once and ends the job without MPI_ABORT or a word of mpirun's; an error of one rank of three
# names the rank and its host and takes the others with it, soon. Real ranks; a wrapper changes an option on one of them.
. "$(dirname -- "$0")/support/common.sh"

# printed COUNT TEXT: how often the last command printed it.
printed() {
  count=$(grep -c -e "$2" "$scratch/output" || true)
  [ "$count" -eq "$1" ] || fail "'$2' was printed $count times, expected $1"
}
# expect_together STATUS TEXT COMMAND…: every rank fails with that text.
expect_together() {
  together_status=$1 together_text=$2
  shift 2
  expect "$together_status" "$@"
  printed 1 "$together_text"
  printed 0 MPI_ABORT
  printed 0 "non-zero"
  printed 0 "rank . of 3"
}

run=$scratch/run
expect_together 65 "^cegzsl: $scratch/nowhere cannot be used" \
  "$root/launch/mpirun" 3 "$program" train --data "$scratch/nowhere" --run "$run"
expect_together 64 "no-such-option" train 3 "$run" --no-such-option 1
expect_together 64 "^cegzsl: .*nothing.yaml" train 3 "$run" --config "$scratch/nothing.yaml"
expect_together 64 "^cegzsl: --reproducible and --precision bfloat16" train 3 "$run" --reproducible --precision bfloat16
expect_together 64 "CEGZSL_VECTOR" env CEGZSL_VECTOR=narrow "$root/launch/mpirun" 3 "$program" presets
# Rank 0's alone by nature: the others only hear of it.
expect_together 74 "^cegzsl: .*/proc/none" "$root/launch/mpirun" 3 "$program" train --data "$demo" --run /proc/none

cat >"$scratch/uneven" <<'END'
#!/bin/sh
# uneven RANK OPTION VALUE PROGRAM…: that rank gets the option too.
rank=$1 option=$2 value=$3
shift 3
if [ "$OMPI_COMM_WORLD_RANK" = "$rank" ]; then set -- "$@" "$option" "$value"; fi
exec "$@"
END
chmod +x "$scratch/uneven"
# uneven RANK OPTION VALUE COMMAND…: on three ranks, within half a minute.
uneven() { timeout 30 "$root/launch/mpirun" 3 "$scratch/uneven" "$@"; }

for rank in 0 1 2; do
  expect 65 uneven "$rank" --data "$scratch/nowhere" "$program" train --run "$run" --data "$demo"
  printed 1 "cannot be used"
  said "^cegzsl (rank $rank of 3 on host $(uname -n)): $scratch/nowhere cannot be used"
done
expect 64 uneven 1 --no-such-option 1 "$program" train --run "$run" --data "$demo"
said "^cegzsl (rank 1 of 3 on host .*no-such-option"
expect 64 uneven 2 --batch-size 0 "$program" train --run "$run" --data "$demo"
said "^cegzsl (rank 2 of 3 on host .*batch-size is '0'"
# All fail, but not alike.
expect 65 uneven 1 --data "$scratch/elsewhere" "$program" train --run "$run" --data "$scratch/nowhere"
said "^cegzsl (ranks 0, 2 of 3 on host .*nowhere cannot be used"
said "^cegzsl (rank 1 of 3 on host .*elsewhere cannot be used"
printed 0 MPI_ABORT

expect 0 train 3 "$run" --max-iterations 2

passed "shared errors are said once, without MPI_ABORT; an error of one rank of three names it and its host and ends the job"
