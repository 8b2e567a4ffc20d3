#!/bin/sh
# Who may read and write what is made, and what is let in: files and folders have the user's umask and are never writable for everybody,
# links in a run's folder lead nowhere, and nothing of the environment gets into a file.
. "$(dirname -- "$0")/support/common.sh"

# make FOLDER: a run, predictions, an export, a prepared folder, demo data.
make() {
  expect 0 train 2 "$1/runs/run" --seed 7 --max-iterations 2
  expect 0 "$program" export --run "$1/runs/run" --format npz --output "$1/model.npz"
  expect 0 "$program" predict --run "$1/runs/run" --features "$demo/res101.mat" --output "$1/tables/predictions.csv"
  expect 0 "$program" convert "$demo" "$1/prepared" --to prepared
  expect 0 "$program" demo-data --out "$1/demo"
  [ "$(find "$1" -type f | wc -l)" -ge 15 ] || fail "too few files: are all commands still here?"
}
secret=c0ffee-$$-do-not-write-me
export CEGZSL_TEST_SECRET="$secret" HF_TOKEN="$secret" AWS_SECRET_ACCESS_KEY="$secret"

(umask 077 && make "$scratch/closed")
found=$(find "$scratch/closed" -perm /077 | head -n 3)
[ -z "$found" ] || fail "open to others under umask 077: $found"
(umask 000 && make "$scratch/open")
found=$(find "$scratch/open" ! -type l -perm /002 | head -n 3)
[ -z "$found" ] || fail "writable for everybody: $found"
(umask 002 && expect 0 train 2 "$scratch/group/run" --seed 7 --max-iterations 2)
found=$(find "$scratch/group" ! -perm -020 | head -n 3)
[ -z "$found" ] || fail "umask 002 lets the group write, but: $found"
found=$(grep -r -l -F "$secret" "$scratch/closed" "$scratch/open" "$scratch/group" | head -n 3 || true)
[ -z "$found" ] || fail "the environment is written into $found"

# A run from somebody else whose log is a link.
run=$scratch/group/run
echo "not to be touched" >"$scratch/victim"
for name in metrics.jsonl config.yaml lock; do
  rm "$run/$name"
  ln -s "$scratch/victim" "$run/$name"
  status=0
  train 2 "$run" --seed 7 --max-iterations 4 --resume latest >"$scratch/output" 2>&1 </dev/null || status=$?
  [ "$(cat "$scratch/victim")" = "not to be touched" ] || fail "a link at $name was followed"
  case $status in 0 | 64 | 66 | 74) ;; *) fail "a link at $name ends in $status" ;; esac
  rm -f "$run/$name"
done

# Names of classes that a spreadsheet would run.
awk 'BEGIN {
  split("=1+1 @sum -2+3 cat dog", names, " ")
  print "label,f0,f1,f2" >ARGV[1]; print "class,a,b,c" >ARGV[2]
  for (c = 1; c <= 5; c++) print names[c] "," c "," c * c "," 7 - c >ARGV[2]
  for (r = 0; r < 60; r++) print names[r % 5 + 1] "," r % 7 "," r % 11 "," r % 5 >ARGV[1]
}' "$scratch/rows.csv" "$scratch/classes.csv"
expect 0 "$program" assemble --features "$scratch/rows.csv" --descriptors "$scratch/classes.csv" --out "$scratch/names" \
  --unseen=-2+3,dog --test-fraction 0.3
# shellcheck disable=SC2086 # one word per option
expect 0 "$program" train --data "$scratch/names" --run "$scratch/named" $sizes --batch-size 16 --max-iterations 2
expect 0 "$program" evaluate --data "$scratch/names" --checkpoint "$scratch/named" --predictions "$scratch/rows-answered.csv"
expect 0 "$program" predict --run "$scratch/named" --features "$scratch/rows.csv" --top 5 --output "$scratch/answers.csv"
for file in rows-answered answers; do
  grep -q "'=1+1\|'@sum" "$scratch/$file.csv" || fail "$file.csv names no class that looks like a formula: the test shows nothing"
  grep -e ',"*[=@]' -e ',"*-[0-9]*+' "$scratch/$file.csv" >"$scratch/output" && fail "$file.csv holds what a spreadsheet would run"
done

passed "umasks 077, 002 and 000 respected, nothing writable for everybody, links not followed, nothing of the environment in a file, names of classes run nowhere"
