#!/bin/sh
# The commands and the Python of the guide's pages about data, about reproducing the paper and about results, as they stand there, on small data
# that their names fit. Alternatives that write the same file or run are each tried as the only one. Networks are small and iterations few:
# a `cegzsl` on the PATH adds that to `train` and `reference`.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/guide.sh"

# Widths of the state dictionaries in Tests/Fixtures/initial, which PyTorch wrote; they are of six features and three attributes.
command_on_path <<EOF
#!/bin/sh
case "\$*" in
  train*) set -- "\$@" $sizes --batch-size 20 --max-iterations 3 --noise-size 2 --generator-width 5 --critic-width 4 --embedding-size 7 \\
    --projection-size 3 --comparator-width 4 ;;
  *--print*) ;;
  reference*) set -- "\$@" --nepoch 1 --batch_size 20 --nz 2 --ngh 5 --ndh 4 --embedSize 7 --outzSize 3 --nhF 4 --syn_num 5 ;;
esac
exec "$program" "\$@"
EOF

# alternatives: the commands of the file `commands`; before each, what it writes is not there.
alternatives() {
  while read -r line; do
    # shellcheck disable=SC2086 # one word per argument
    case $line in
      *--resume*) ;;
      *" convert "*) set -- $line && rm -rf "$4" ;;
      *" --out "*) rm -rf DIR ;;
      *" --run "*) target=${line##* --run } && rm -rf "${target%% *}" ;;
    esac
    # shellcheck disable=SC2086 # one word per argument
    expect 0 $line
  done <commands
  count=$((count + $(wc -l <commands)))
}
count=0
not_run=''

# Your data. Without numpy, data.npz comes from the tables.
data_page=$root/Sources/Datasets/Datasets.docc/YourData.md
expect 0 cegzsl assemble --features rows.csv --descriptors classes.csv --out TABLES
if "$python" -c 'import numpy' 2>/dev/null; then
  {
    echo "import numpy as np"
    echo "names = ['cat', 'dog', 'cow', 'hen']; y = names * 15; x = np.random.default_rng(1).standard_normal((60, 6)); d = np.eye(4)[:, :3]"
    echo "held = np.arange(60) % 5 == 0"
    guide_python "$data_page" 1
  } >save.py
  expect 0 "$python" save.py
else
  expect 0 cegzsl convert TABLES data.npz
  not_run="$not_run, the Python of YourData.md: no numpy"
fi
if "$python" -c 'import h5py, numpy, scipy' 2>/dev/null; then
  "$python" - <<'PYTHON'
import csv
import h5py, numpy, scipy.io
rows = list(csv.reader(open("x.npy")))[1:]
with h5py.File("x.h5", "w") as file:
    file["resnet/pool5"] = numpy.array(rows, float)
table = list(csv.reader(open("classes.csv")))[1:]
scipy.io.savemat("att.mat", {"att": numpy.array([line[1:] for line in table], float)})
open("names.txt", "w").write("".join(line[0] + "\n" for line in table))
PYTHON
  cp y.npy y.csv
  guide_commands "$data_page" 8
else
  not_run="$not_run, one with HDF5 and .mat: no numpy, h5py and scipy"

  guide_commands "$data_page" 7 'cegzsl assemble --features x.h5'
fi
alternatives
cmp_page() { [ -s "$1" ] || fail "the commands of $2 made no $1"; }
cmp_page data.npz YourData.md
cmp_page DIR.prepared/dataset.safetensors YourData.md
cmp_page runs/first/results.json YourData.md

# Reproducing the paper: six features, and the authors' layout.
paper_page=$root/Sources/Training/Training.docc/ReproducingThePaper.md
awk -F , -v OFS=, 'NR == 1 { print $0, "f4", "f5"; next } { print $0, $3 + $4, $5 * $6 }' rows.csv >wide.csv
expect 0 cegzsl assemble --features wide.csv --descriptors classes.csv --out CUB
cp CUB/att_splits.mat CUB/sent_splits.mat
mkdir data
cp -R CUB data/CUB
cp -R "$root/Tests/Fixtures/initial/separate" models
cp models/*.pth .
guide_commands "$paper_page" 7
sed -i -e "s#^launch/#$root/launch/#" -e "s#\$program#$scratch/bin/cegzsl#" commands
cp commands all
grep -v iteration-000001800 all >commands
alternatives
mv "$(checkpoint runs/cub 3)" runs/cub/checkpoints/iteration-000001800
grep iteration-000001800 all >commands
alternatives
for run in runs/cub runs/quirk runs/from runs/on; do cmp_page "$run/results.json" ReproducingThePaper.md; done

# Reading results: the demo data, whose rows can be told apart.
results_page=$root/Sources/Training/Training.docc/ReadingResults.md
# shellcheck disable=SC2086 # one word per option
expect 0 "$program" train --data "$demo" --run runs/demo $sizes --max-iterations 30
expect 0 "$program" evaluate --data "$demo" --checkpoint runs/demo --predictions rows.csv
if "$python" -c 'import numpy' 2>/dev/null; then
  guide_python "$results_page" 1 >area.py
  expect 0 "$python" area.py
  awk -v found="$(cat "$scratch/output")" '/^ *"ausuc"/ && difference == "" { gsub(/[^0-9.e-]/, ""); difference = found - $0 }
    END { exit difference != "" && difference < 1e-6 && difference > -1e-6 ? 0 : 1 }' runs/demo/results.json ||
    fail "the Python of ReadingResults.md finds another AUSUC than $(grep '"ausuc"' runs/demo/results.json)"
else
  not_run="$not_run, the Python of ReadingResults.md: no numpy"
fi

[ -z "$not_run" ] || not_run="; NOT RUN: ${not_run#, } (PEER_PYTHON may name a Python)"
passed "$count commands of YourData.md and ReproducingThePaper.md work, and their Python and that of ReadingResults.md$not_run"
