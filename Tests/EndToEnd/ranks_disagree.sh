#!/bin/sh
# Ranks that were started with different options or different data refuse to train (78) and say what differs.
. "$(dirname -- "$0")/support/common.sh"

cat >"$scratch/uneven" <<'END'
#!/bin/sh
# Rank 1 gets another seed than the others.
if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then seed=8; else seed=7; fi
exec "$@" --seed "$seed"
END
chmod +x "$scratch/uneven"

# shellcheck disable=SC2086 # one word per option
expect 78 "$root/launch/mpirun" 3 "$scratch/uneven" "$program" \
  train --data "$demo" --run "$scratch/run" $sizes --max-iterations 2
said "seed"

# The same options and paths, but another file behind them: what a stale copy on one host looks like.
"$program" demo-data --out "$scratch/stale" --seed 7 >/dev/null
cat >"$scratch/uneven-data" <<'END'
#!/bin/sh
program=$1 data=$2 stale=$3
shift 3
if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then data=$stale; fi
exec "$program" train --data "$data" "$@"
END
chmod +x "$scratch/uneven-data"
# shellcheck disable=SC2086 # one word per option
expect 78 "$root/launch/mpirun" 2 "$scratch/uneven-data" "$program" "$demo" "$scratch/stale" \
  --run "$scratch/run" $sizes --max-iterations 2
said "data"
[ ! -e "$scratch/run/checkpoints" ] || fail "ranks that disagree made checkpoints"

passed "ranks with different options or data stop with 78"
