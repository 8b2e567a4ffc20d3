#!/bin/sh
# Troubleshooting.md quotes messages as the program has them, and knows every exit status.
. "$(dirname -- "$0")/support/common.sh"
cd "$root"
page=Sources/Training/Training.docc/Troubleshooting.md

# The first cell of each row, its quotation cut where something is named; a space at an end may be a line's in the source.
# shellcheck disable=SC2016 # backquotes of Markdown, not of the shell
sed -n 's/^| `\([^`]*\)` .*/\1/p' "$page" | sed 's/…[.,:;]*/\n/g' | sed 's/^ *//; s/ *$//' | grep . >"$scratch/quotations"
[ "$(wc -l <"$scratch/quotations")" -ge 30 ] || fail "too few quotations: is the table still one?"
while read -r quotation; do
  grep -rqF --include='*.swift' --include=common.sh --include=mpirun -e "$quotation" Sources launch || fail "nothing says '$quotation'"
done <"$scratch/quotations"

"$program" --help | sed -n 's/^ *\([0-9][0-9]\)  .*/\1/p' >"$scratch/statuses"
[ -s "$scratch/statuses" ] || fail "--help lists no statuses"
while read -r status; do
  grep -q "^## .*\b$status\b" "$page" || fail "no part about status $status"
done <"$scratch/statuses"

passed "$(wc -l <"$scratch/quotations") quotations and $(wc -l <"$scratch/statuses") exit statuses of Troubleshooting.md are the program's"
