# shellcheck shell=sh disable=SC2154 # sourced after common.sh
# Programs in the background, as $launcher, and signals to the ranks under it.

launcher=''
trap 'if [ -n "$launcher" ]; then kill -KILL $(descendants "$launcher") "$launcher" 2>/dev/null || true; fi; rm -rf "$scratch"' EXIT

has_ended() { ! kill -0 "$launcher" 2>/dev/null; }

# wait_for_end STATUS: of $launcher, within a minute.
wait_for_end() {
  wait_until 60 has_ended || fail "still running after 60 seconds"
  status=0
  wait "$launcher" || status=$?
  launcher=''
  [ "$status" -eq "$1" ] || fail "exit status $status, expected $1"
}

# descendants PROCESS: of all generations.
descendants() {
  for process in $(pgrep -P "$1"); do
    echo "$process"
    descendants "$process"
  done
}

# ranks: the processes under $launcher that run $program itself, in order of their start.
ranks() {
  for process in $(descendants "$launcher"); do
    if [ "$(readlink "/proc/$process/exe" 2>/dev/null)" = "$(readlink -f "$program")" ]; then echo "$process"; fi
  done | sort -n
}

# kill_rank SIGNAL: to the last of them.
kill_rank() {
  last_rank=$(ranks | tail -n 1)
  [ -n "$last_rank" ] || fail "no rank is running"
  kill -"$1" "$last_rank"
}
