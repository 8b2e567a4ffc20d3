#!/bin/sh
# The commands of README.md and of the guide's page about clusters, as they stand there, on small data that their names fit; the README's
# Python too. Networks are small and iterations few: a `cegzsl` on the PATH adds that to `train`. What needs ssh, Slurm, restarts or minutes is left
# to cluster.sh, slurm.sh, restarts.sh and launch/test itself.
. "$(dirname -- "$0")/support/common.sh"

mkdir "$scratch/guide" "$scratch/bin" "$scratch/temporary"
cat >"$scratch/bin/cegzsl" <<EOF
#!/bin/sh
case \$1 in
  train)
    case "\$*" in *--resume*) last=5 ;; *) last=3 ;; esac
    exec "$program" "\$@" $sizes --batch-size 20 --max-iterations \$last ;;
esac
exec "$program" "\$@"
EOF
chmod +x "$scratch/bin/cegzsl"
PATH=$scratch/bin:$PATH
export PATH
cd "$scratch/guide"

awk 'BEGIN {
  split("cat dog cow hen pig", names, " ")
  print "class,tall,round,loud" >"classes.csv"
  print "f0,f1,f2,f3" >"x.csv"; print "f0,f1,f2,f3" >"new.csv"; print "label" >"y.csv"
  for (c = 1; c <= 5; c++) print names[c] "," c "," c * c % 7 "," 5 - c >"classes.csv"
  for (r = 0; r < 60; r++) {
    c = r % 5 + 1
    line = ""
    for (f = 0; f < 4; f++) line = line "," c * (f + 1) % 5 + (r * 7 + f * 5) % 11 / 20
    print names[c] >"y.csv"
    print substr(line, 2) >"x.csv"
    if (r < 12) print substr(line, 2) >"new.csv"
  }
}'
# Content decides what a file is, not its name: the README's x.npy may hold csv here.
mv x.csv x.npy
mv y.csv y.npy

# commands PAGE LEAST: of its blocks for a shell that can be run here, to the file `commands`.
commands() {
  # shellcheck disable=SC2016 # backquotes of Markdown, not of the shell
  awk '/^```sh/ { inside = 1; next } /^```/ { inside = 0 } inside' "$1" | sed 's/ *#.*//' |
    grep -v -e '^launch/quickstart' -e '^launch/test' -e '^launch/cluster' -e '^launch/local' -e '^sbatch' -e '^$' |
    sed "s#^launch/#$root/launch/#" >commands || true
  [ "$(wc -l <commands)" -ge "$2" ] || fail "$1 has $(wc -l <commands) commands: are they still found?"
}

# run_commands: each with the exit status 0.
run_commands() {
  while read -r command; do
    # shellcheck disable=SC2086 # one word per argument
    expect 0 $command
  done <commands
}

commands "$root/README.md" 9
run_commands
for file in first.html model.onnx runs/first/results.json; do
  [ -s "$file" ] || fail "the README's commands made no $file"
done
[ -e "$(checkpoint runs/first 5)/classifier.safetensors" ] || fail "the README's run was not resumed"
count=$(wc -l <commands)

commands "$root/Sources/Training/Training.docc/Cluster.md" 1
run_commands
count=$((count + $(wc -l <commands)))

python=${PEER_PYTHON:-python3}
run_by="$count commands of the README and of Cluster.md work"
export PYTHONPATH="$root/launch" PYTHONDONTWRITEBYTECODE=1 CEGZSL="$program"
if "$python" -c 'import numpy' 2>/dev/null; then
  {
    echo "import numpy as np"
    echo "random = np.random.default_rng(1)"
    echo "y = np.array(['cat', 'dog', 'cow'] * 20); X = random.standard_normal((60, 6)); X_new, y_new = X[:9], y[:9]"
    echo "cat, dog, cow, zebra, okapi = np.eye(5)[:, :4] + 0.1"
    # shellcheck disable=SC2016 # backquotes of Markdown, not of the shell
    awk '/^```python/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/README.md" |
      sed 's/epochs=30,/epochs=1, batch_size=32,/'
  } >model.py
  TMPDIR=$scratch/temporary expect 0 "$python" model.py
  run_by="$run_by, and the README's Python"
else
  run_by="$run_by; NOT RUN: its Python: no numpy (PEER_PYTHON may name a Python)"
fi
passed "$run_by"
