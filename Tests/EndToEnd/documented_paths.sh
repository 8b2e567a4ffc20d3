#!/bin/sh
# Every file that the READMEs name exists: paths in backquotes and in links, from the repository's root or from the
# README's own folder. The root README must name at least seven (its guided tour).
. "$(dirname -- "$0")/support/common.sh"
cd "$root"

# paths FILE: what looks like a path of this repository, one per line.
# shellcheck disable=SC2016 # backquotes of Markdown, not of the shell
paths() {
  {
    grep -o '`[^`]*`' "$1" | tr -d '`' |
      grep -E '^(Sources|Tests|launch|hostfiles|\.ci)/[^ ]*$|^[A-Za-z0-9_+/-]+\.(swift|md)$' || true
    grep -o '](\([^)]*\))' "$1" | sed 's/^](//; s/)$//; s/#.*//' | grep -v -E '^$|^[a-z]+:' || true
  } | sort -u
}

: >"$scratch/missing"
for readme in README.md Sources/README.md Sources/*/README.md Tests/README.md Tests/*/README.md; do
  [ -e "$readme" ] || continue
  paths "$readme" >"$scratch/paths"
  count=$(wc -l <"$scratch/paths")
  if [ "$readme" = README.md ]; then named=$count; fi
  while read -r path; do
    found=no
    # Unquoted on purpose: a path with * stands for several files.
    for candidate in $path "$(dirname "$readme")"/$path; do
      if [ -e "$candidate" ]; then found=yes; fi
    done
    if [ "$found" = no ]; then echo "$readme names $path" >>"$scratch/missing"; fi
  done <"$scratch/paths"
done

[ -n "${named-}" ] || fail "there is no README.md"
cp "$scratch/missing" "$scratch/output"
[ ! -s "$scratch/missing" ] || fail "$(wc -l <"$scratch/missing") paths do not exist"
[ "$named" -ge 7 ] || fail "README.md names $named files of the repository: where is its guided tour?"

passed "$named paths named in README.md exist, and those of the other READMEs"
