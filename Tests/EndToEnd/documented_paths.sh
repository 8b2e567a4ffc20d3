#!/bin/sh
# Every file that the READMEs, the method's page and comments in Swift name exists: paths in backquotes and in links, from the
# repository's root, from Sources or Tests, or from the naming file's own folder; pages (*.md) by their name alone too. The root README
# must name at least seven (its guided tour).
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

# found_from FOLDER PATH: whether a comment in a file of that folder can mean it.
found_from() {
  for candidate in "$2" "Sources/$2" "Tests/$2" "$1/$2"; do
    if [ -e "$candidate" ]; then return 0; fi
  done
  # A page is unique; a file of another folder needs that folder's name.
  case $2 in
    */*) return 1 ;;
    *.md) [ -n "$(find Sources Tests -name "$2" | head -n 1)" ] ;;
    *) return 1 ;;
  esac
}

# What comments name: file names in backquotes, and pages with or without them.
find Sources Tests \( -name '*.swift' -o -path '*.docc/*.md' -o -name '*.py' \) -print >"$scratch/files"
comments=0
while read -r file; do
  # shellcheck disable=SC2016 # backquotes of Markdown, not of the shell
  {
    case $file in *.md | *.py) cat "$file" ;; *) grep -o '//.*' "$file" || true ;; esac
  } | grep -o -E '`[A-Za-z0-9_+/.-]+\.(swift|md|sh)`|(Sources|Tests)/[A-Za-z0-9_+/.-]+\.(swift|md|sh|py)\b|[A-Za-z0-9_-]+\.md' | tr -d '`' | sort -u >"$scratch/paths"
  while read -r path; do
    comments=$((comments + 1))
    found_from "$(dirname "$file")" "$path" || echo "$file names $path" >>"$scratch/missing"
  done <"$scratch/paths"
done <"$scratch/files"
[ "$comments" -ge 40 ] || fail "only $comments references found in comments: are they still looked for?"

[ -n "${named-}" ] || fail "there is no README.md"
cp "$scratch/missing" "$scratch/output"
[ ! -s "$scratch/missing" ] || fail "$(wc -l <"$scratch/missing") paths do not exist"
[ "$named" -ge 7 ] || fail "README.md names $named files of the repository: where is its guided tour?"

passed "$named paths named in README.md exist, those of the other READMEs, and $comments named in comments"
