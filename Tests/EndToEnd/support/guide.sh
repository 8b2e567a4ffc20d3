# shellcheck shell=sh disable=SC2154,SC2016,SC2034,SC2164 # sourced after common.sh, which stops at an error
# Commands and Python of pages, as they stand there, on small data that their names fit.

# guide_tables: in this folder, 60 rows of five classes in the forms that pages name, and a sixth class's descriptor. Content decides what a
# file is, not its name: x.npy holds csv.
guide_tables() {
  awk 'BEGIN {
    split("cat dog cow hen pig", names, " ")
    print "label,split,f0,f1,f2,f3" >"rows.csv"; print "f0,f1,f2,f3" >"new.csv"; print "f0,f1,f2,f3" >"x.npy"; print "label" >"y.npy"
    print "class,tall,round,loud" >"classes.csv"; print "class,tall,round,loud" >"zebra.csv"
    for (c = 1; c <= 5; c++) print names[c] "," c "," c * c % 7 "," 5 - c >"classes.csv"
    print "zebra,6,3,0" >"zebra.csv"
    for (r = 0; r < 60; r++) {
      c = r % 5 + 1
      line = ""
      for (f = 0; f < 4; f++) line = line "," c * (f + 1) % 5 + (r * 7 + f * 5) % 11 / 20
      print names[c] "," (c > 3 || r % 4 == 0 ? "test" : "train") line >"rows.csv"
      print substr(line, 2) >"x.npy"
      print names[c] >"y.npy"
      if (r < 12) print substr(line, 2) >"new.csv"
    }
  }'
}

# guide_commands PAGE LEAST [LEFT_OUT…]: the lines of its blocks for a shell, to the file `commands`, but for those that begin with one of the
# last; fails where there are fewer than LEAST.
guide_commands() {
  page=$1 least=$2
  shift 2
  awk '/^```sh/ { inside = 1; next } /^```/ { inside = 0 } inside' "$page" | sed -e 's/ *#.*//' -e '/^$/d' >commands
  for left_out in "$@"; do sed -i "\\#^$left_out#d" commands; done
  [ "$(wc -l <commands)" -ge "$least" ] || fail "$page has $(wc -l <commands) commands: are they still found?"
}

# run_commands: those of the file `commands`, each with the exit status 0.
run_commands() {
  while read -r line; do
    # shellcheck disable=SC2086 # one word per argument
    expect 0 $line
  done <commands
}

# guide_python PAGE NUMBER: a Python block of it.
guide_python() {
  awk -v wanted="$2" '/^```python/ { inside = ++n == wanted; next } /^```/ { inside = 0 } inside' "$1"
}

# python_data: what the blocks that fit a model begin with.
python_data() {
  echo "import numpy as np"
  echo "random = np.random.default_rng(1)"
  echo "y = np.array(['cat', 'dog', 'cow'] * 20); X = random.standard_normal((60, 6)); X_new, y_new = X[:9], y[:9]"
  echo "cat, dog, cow, zebra, okapi = np.eye(5)[:, :4] + 0.1"
  echo "descriptors = dict(cat=cat, dog=dog, cow=cow, zebra=zebra)"
}

# command_on_path: what `cegzsl` on the PATH is from now on; standard input is its script.
command_on_path() {
  cat >"$scratch/bin/cegzsl"
  chmod +x "$scratch/bin/cegzsl"
  PATH=$scratch/bin:$PATH
  export PATH
}

# The folder that all of it happens in, and a Python that finds our module.
mkdir "$scratch/guide" "$scratch/temporary" "$scratch/bin"
cd "$scratch/guide"
guide_tables
python=${PEER_PYTHON:-python3}
export PYTHONPATH="$root/launch" PYTHONDONTWRITEBYTECODE=1 CEGZSL="$program"
