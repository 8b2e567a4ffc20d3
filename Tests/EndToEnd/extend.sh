#!/bin/sh
# 'extend': a class that was left out of everything, its rows, its descriptor and its name, is added to a trained model by its descriptor and
# recognised; '--drop' takes classes away. The old run stays as it is, the new one is whole or not there, and what cannot be is refused.
. "$(dirname -- "$0")/support/common.sh"

# Classes of five properties that are there or not, each seen by twenty noisy sensors; class21 is left out, six others are unseen.
awk -v rows="$scratch/rows.csv" -v new="$scratch/new.csv" -v classes="$scratch/classes.csv" -v more="$scratch/more.csv" '
  function uniform() { state = (state * 16807) % 2147483647; return state / 2147483647 }
  BEGIN {
    state = 7
    for (a = 0; a < 5; a++) for (f = 0; f < 20; f++) mix[a, f] = 2 * uniform() - 1
    header = "class,a,b,c,d,e"
    columns = "f0"
    for (f = 1; f < 20; f++) columns = columns ",f" f
    print header >classes; print header >more; print "label," columns >rows; print columns >new
    for (c = 0; c < 32; c++) {
      line = "class" c
      for (a = 0; a < 5; a++) line = line "," (bit[c, a] = int(c / 2 ^ a) % 2)
      print line >(c == 21 ? more : classes)
      for (i = 0; i < 20; i++) {
        line = c == 21 ? "" : "class" c ","
        for (f = 0; f < 20; f++) {
          x = 0
          for (a = 0; a < 5; a++) x += bit[c, a] * mix[a, f]
          line = line (f ? "," : "") sprintf("%.4f", x + 0.5 * (uniform() + uniform() - 1))
        }
        print line >(c == 21 ? new : rows)
      }
    }
  }'
expect 0 "$program" assemble --features "$scratch/rows.csv" --descriptors "$scratch/classes.csv" \
  --unseen class3,class12,class17,class26,class8,class23 --out "$scratch/data"
run=$scratch/run
expect 0 "$program" train --data "$scratch/data" --run "$run" --batch-size 64 --noise-size 4 --generator-width 64 --critic-width 64 \
  --embedding-size 64 --projection-size 16 --comparator-width 32 --instance-weight 0 --class-weight 0.1 --learning-rate 0.003 \
  --synthetic-per-class 60 --classifier-epochs 25 --classifier-learning-rate 0.01 --evaluate-every 0 --max-iterations 300 --seed 3
sed -n '/^U/p' "$scratch/output" >"$scratch/figures"
grep -q class21 "$run/config.yaml" "$run"/checkpoints/*/classes.safetensors && fail "the class was not left out"
digest "$run" >"$scratch/before"

# accuracy RUN CLASS ROWS [option…]: percent of the rows that are found to be of the class.
accuracy() {
  accuracy_run=$1 accuracy_class=$2 accuracy_rows=$3
  shift 3
  expect 0 "$program" predict --run "$accuracy_run" --features "$accuracy_rows" --output "$scratch/answers.csv" "$@"
  awk -F, -v class="$accuracy_class" 'NR > 1 { n++; right += $2 == class } END { printf "%d\n", 100 * right / n }' "$scratch/answers.csv"
}
[ "$(accuracy "$run" class21 "$scratch/new.csv")" -eq 0 ] || fail "a class is answered that the model does not have"

expect 0 "$program" extend --run "$run" --descriptors "$scratch/more.csv" --out "$scratch/added" --data "$scratch/data"
said "25 seen and 7 unseen classes"
expect 0 "$program" extend --run "$run" --descriptors "$scratch/more.csv" --out "$scratch/added-alone"
said "learnt from synthetic rows"
with=$(accuracy "$scratch/added" class21 "$scratch/new.csv")
without=$(accuracy "$scratch/added-alone" class21 "$scratch/new.csv")
among=$(accuracy "$scratch/added" class21 "$scratch/new.csv" --classes unseen)
# One in 32 is chance, and one in seven among the unseen ones.
if [ "$with" -lt 50 ] || [ "$without" -lt 50 ] || [ "$among" -lt 80 ]; then
  fail "accuracy of the added class: $with % of all classes, $without % without the data, $among % of unseen ones"
fi
# The others are not forgotten.
awk -F, 'NR == 1 || $1 == "class6"' "$scratch/rows.csv" | cut -d, -f 2- >"$scratch/six.csv"
six=$(accuracy "$scratch/added" class6 "$scratch/six.csv")
[ "$six" -ge 50 ] || fail "the seen class6 has $six %"

# The new run is one that every command takes, and that training does not go on from.
digest "$run" >"$scratch/after"
diff "$scratch/before" "$scratch/after" >"$scratch/output" || fail "extend changed the run that it started from"
for file in model.safetensors optimizer.safetensors; do
  cmp "$(checkpoint "$run" 300)/$file" "$(checkpoint "$scratch/added" 300)/$file" >"$scratch/output" || fail "$file is not a copy"
done
expect 0 "$program" show "$scratch/added"
said "made by extend"
said "$run/checkpoints/iteration-000000300"
expect 0 "$program" show "$scratch/added" --json
said '"name":"class21","role":"unseen"'
# It cannot go on, and its classes are not the data's.
expect 0 "$program" runs "$scratch/added"
said extended
expect 0 "$program" evaluate --data "$scratch/data" --checkpoint "$scratch/added" --output "$scratch/other-classes.json"
said "note: the model answers with other classes than these data have: 1 of its 32 are not there, and 0 are there"
grep -q "answers with other classes" "$scratch/other-classes.json" || fail "the results do not say it"
expect 0 "$program" export --run "$scratch/added" --format onnx --output "$scratch/added.onnx"
grep -q '"class31","class21"' "$scratch/added.onnx" || fail "the graph does not name the new class"
expect 0 "$program" synthesize --run "$scratch/added" --classes class21 --per-class 3 --output "$scratch/x.mat"
expect 66 "$program" train --data "$scratch/data" --run "$scratch/added" --resume latest
said "'cegzsl extend' made it"

# Away with it: the softmaxes of the run itself, byte for byte; and with others, the same bytes each time.
tensors() {
  # A safetensors file without its header, whose metadata say what made it.
  tensors_header=$(od -An -t u8 -N 8 "$1" | tr -d ' ')
  tail -c +$((tensors_header + 9)) "$1"
}
expect 0 "$program" extend --run "$scratch/added" --drop class21 --out "$scratch/back" --data "$scratch/data"
tensors "$(checkpoint "$scratch/back" 300)/classifier.safetensors" >"$scratch/back.bytes"
tensors "$(checkpoint "$run" 300)/classifier.safetensors" >"$scratch/own.bytes"
cmp "$scratch/back.bytes" "$scratch/own.bytes" >"$scratch/output" 2>&1 || fail "added and dropped, and another softmax than the run's"
for name in fewer again; do
  expect 0 "$program" extend --run "$run" --drop class1,class3 --descriptors "$scratch/more.csv" --out "$scratch/$name" --data "$scratch/data"
  said "24 seen and 6 unseen classes"
done
cmp "$(checkpoint "$scratch/fewer" 300)/classifier.safetensors" "$(checkpoint "$scratch/again" 300)/classifier.safetensors" \
  >"$scratch/output" 2>&1 || fail "the same extension has other bytes"
awk -F, 'NR == 1 || $1 == "class1" || $1 == "class3"' "$scratch/rows.csv" | cut -d, -f 2- >"$scratch/dropped.csv"
expect 0 "$program" predict --run "$scratch/fewer" --features "$scratch/dropped.csv"
cut -d, -f 2 "$scratch/output" | grep -q -x -e class1 -e class3 && fail "a dropped class is answered"

expect 0 "$program" report "$scratch/fewer" --without-map --output "$scratch/fewer.html"
grep -q "No training leads to it" "$scratch/fewer.html" || fail "a report repeats what no training does"
cmp "$run/config.yaml" "$scratch/fewer/config.yaml" >"$scratch/output" || fail "an extended run has other options than its own"

# Refused, and nothing is there afterwards.
refused() {
  refused_status=$1 refused_text=$2
  shift 2
  expect "$refused_status" "$program" extend --run "$run" --out "$scratch/none" "$@"
  said "$refused_text"
  [ -z "$(find "$scratch" -maxdepth 1 -name 'none*')" ] || fail "a refused extension left something"
}
refused 64 "Give --descriptors"
refused 64 "no unseen class would be left" --drop class3,class12,class17,class26,class8,class23
refused 64 "has the class 'class0' already" --descriptors "$scratch/classes.csv"
refused 64 "did you mean 'class3'" --drop clas3
refused 64 "named twice" --drop class3,class3
refused 64 "must be from 1\|classifier-epochs" --drop class3 --classifier-epochs 0
refused 66 "embedding-size was 64 and is 32" --drop class3 --embedding-size 32
refused 66 "not the data that it was trained on" --drop class3 --data "$demo"
printf 'class,a,b\nclass21,1,2\n' >"$scratch/short.csv"
refused 65 "have 2 numbers, and the model takes 5" --descriptors "$scratch/short.csv"
{ cat "$scratch/more.csv"; tail -n 1 "$scratch/more.csv"; } >"$scratch/twice.csv"
refused 65 "'class21' stands there twice" --descriptors "$scratch/twice.csv"
sed '2s/,1/,nan/' "$scratch/more.csv" >"$scratch/nan.csv"
refused 65 "number 1 of class 'class21' is not finite" --descriptors "$scratch/nan.csv"
sed '2s/,1/,1e30/' "$scratch/more.csv" >"$scratch/large.csv"
refused 65 "the descriptor of class 'class21' reaches" --descriptors "$scratch/large.csv"
refused 65 "the descriptor of class 'class21' reaches" --descriptors "$scratch/large.csv" --data "$scratch/data"
refused 71 "classifier-learning-rate" --drop class3 --classifier-learning-rate 1e38
refused 64 "does not take --head" --drop class3 --head zla
expect 64 "$program" extend --run "$run" --drop class3 --out "$scratch/added"
said "is there already"

# A head without a softmax: its regression is fitted to the real rows, which have to be there.
expect 0 "$program" train --data "$scratch/data" --run "$scratch/ridge" --head ridge --batch-size 64 --noise-size 4 --generator-width 8 \
  --critic-width 8 --embedding-size 8 --projection-size 4 --comparator-width 4 --max-iterations 1
expect 64 "$program" extend --run "$scratch/ridge" --descriptors "$scratch/more.csv" --out "$scratch/ridge-added"
said "the head 'ridge', which is fitted to real rows; give the data"
expect 0 "$program" extend --run "$scratch/ridge" --descriptors "$scratch/more.csv" --out "$scratch/ridge-added" --data "$scratch/data"
ridge=$(accuracy "$scratch/ridge-added" class21 "$scratch/new.csv" --classes unseen)
[ "$ridge" -ge 50 ] || fail "with the head ridge, the added class has $ridge % among the unseen ones"
expect 0 "$program" export --run "$scratch/ridge-added" --format onnx --output "$scratch/ridge.onnx"

# A name that csv must quote, and that a spreadsheet would run.
sed '2s/^class21/"=class, or 21"/' "$scratch/more.csv" >"$scratch/formula.csv"
expect 0 "$program" extend --run "$run" --descriptors "$scratch/formula.csv" --out "$scratch/formula" --data "$scratch/data"
expect 0 "$program" predict --run "$scratch/formula" --features "$scratch/new.csv"
said "^1,\"'=class, or 21\",0\.[0-9]*$"
expect 0 "$program" extend --run "$scratch/formula" --drop '"=class, or 21",class3' --out "$scratch/plain"
passed "a class left out of everything is added by its descriptor: $with % of its rows are recognised among 32 classes, $among % among" \
  "7 unseen ones ($without % without the data); $six % of a seen class (the run: $(sed 's/ *(.*//' "$scratch/figures"))"
