#!/bin/sh
# Ranks that were started with different options refuse to train (78) and name the option.
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
[ ! -e "$scratch/run/checkpoints" ] || fail "ranks that disagree made checkpoints"

passed "ranks with different options stop with 78"
