#!/bin/sh
# Digits.md as it stands there: scikit-learn's digits from csv to a model, a class added afterwards, and the figures that the page names.
. "$(dirname -- "$0")/support/common.sh"

python=${PEER_PYTHON:-python3}
if ! "$python" -c 'import sklearn' 2>/dev/null; then
  passed "NOT RUN: scikit-learn is not installed (PEER_PYTHON may name a Python)"
  exit 0
fi
guide=$root/Sources/Training/Training.docc/Digits.md
cd "$scratch"
# block LANGUAGE: that block of the page.
block() {
  sed -n "/^\`\`\`$1/,/^\`\`\`\$/p" "$guide" | grep -v '^```'
}
block python >write.py
block yaml >digits.yaml
expect 0 "$python" write.py
block sh | grep '^cegzsl ' >commands
[ "$(wc -l <commands)" -eq 5 ] || fail "the page has $(wc -l <commands) commands: are they still found?"
while read -r _ command rest; do
  # shellcheck disable=SC2086 # one word per option
  expect 0 "$program" $command $rest
  if [ "$command" = train ]; then cp "$scratch/output" "$scratch/trained"; fi
done <commands

# The bits do not depend on the processor, so neither do the figures.
figures=$(sed -n 's/^U *\([0-9.]*\) *S *\([0-9.]*\) *H *\([0-9.]*\) *T1 *\([0-9.]*\).*/U \1, S \2, H \3, T1 \4/p' trained)
grep -q "It prints $figures:" "$guide" || fail "the run has $figures, which the page does not say"
nines() {
  grep -c '^[0-9]*,nine,' "$1"
}
grep -q "nines, whose very class was added afterwards, $(nines answers.csv) are found" "$guide" || fail "the page names other nines than $(nines answers.csv)"
grep -q "and $(nines among-unseen.csv) among the three unseen ones" "$guide" || fail "the page names other nines than $(nines among-unseen.csv)"
passed "digits: $figures; of 180 nines, added afterwards, $(nines answers.csv) are found among ten digits, $(nines among-unseen.csv) among three"
