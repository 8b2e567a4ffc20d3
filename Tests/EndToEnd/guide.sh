#!/bin/sh
# The commands of README.md and of the guide's pages about clusters and about comparing runs, as they stand there; the README's Python too.
# Networks are small and iterations few: a `cegzsl` on the PATH adds that to `train`. What needs ssh, Slurm, restarts or minutes is left
# to cluster.sh, slurm.sh, restarts.sh, sweep.sh and launch/test itself.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/guide.sh"

command_on_path <<EOF
#!/bin/sh
case \$1 in
  train)
    case "\$*" in *--resume*) last=5 ;; *) last=3 ;; esac
    exec "$program" "\$@" $sizes --batch-size 20 --max-iterations \$last ;;
esac
exec "$program" "\$@"
EOF
# Pages name the launchers from the repository's folder.
in_repository() { sed -i "s#^launch/#$root/launch/#" commands; }

guide_commands "$root/README.md" 9 launch/quickstart launch/test launch/cluster sbatch
in_repository
run_commands
for file in first.html model.onnx runs/first/results.json; do
  [ -s "$file" ] || fail "the README's commands made no $file"
done
[ -e "$(checkpoint runs/first 5)/classifier.safetensors" ] || fail "the README's run was not resumed"
count=$(wc -l <commands)

guide_commands "$root/Sources/Training/Training.docc/Cluster.md" 1 launch/local launch/cluster sbatch
run_commands
count=$((count + $(wc -l <commands)))

expect 0 cegzsl train --data DIR --run runs/second --seed 2
guide_commands "$root/Sources/Training/Training.docc/ComparingRuns.md" 5 "cegzsl sweep"
run_commands
[ -s both.html ] || fail "the commands of ComparingRuns.md made no page"
count=$((count + $(wc -l <commands)))

run_by="$count commands of README.md, Cluster.md and ComparingRuns.md work"
if "$python" -c 'import numpy' 2>/dev/null; then
  { python_data && guide_python "$root/README.md" 1 | sed 's/epochs=30,/epochs=1, batch_size=32,/'; } >model.py
  TMPDIR=$scratch/temporary expect 0 "$python" model.py
  run_by="$run_by, and the README's Python"
else
  run_by="$run_by; NOT RUN: its Python: no numpy (PEER_PYTHON may name a Python)"
fi
passed "$run_by"
