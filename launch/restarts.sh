# shellcheck shell=sh
# Starting a run again by itself; sourced by launch/local and launch/cluster after common.sh.

# run_with_restarts MAX COMMAND…: runs it, and again with '--resume latest', at most MAX times, when it ends with
#   75   stopped by a signal that mpirun, not this process, received, with everything saved
#   79   the watchdog found a rank that no longer moves
#   137  a rank was killed (out of memory, for instance)
#   205  a host vanished
# Before a restart it calls `before_restart`. A restart that finds a host gone once more (69) is tried again for `patience` seconds (0
# if that is not set), and counts once. Any other status ends it, and so does a signal to this process: SIGUSR1, SIGTERM, SIGINT and
# SIGHUP let the ranks save and stop (status 75); a second SIGTERM, SIGINT or SIGHUP ends them at once. Sets `final_status`.
run_with_restarts() {
  restarts_left=$1
  shift
  asked_to_stop='' child='' try_until=''
  trap 'stop_child USR1' USR1
  trap 'stop_child TERM' TERM
  trap 'stop_child INT' INT
  trap 'stop_child HUP' HUP
  while :; do
    "$@" &
    child=$!
    wait_for_child
    if [ -n "$asked_to_stop" ]; then break; fi
    case $final_status in
      75 | 79 | 137 | 205)
        if [ "$restarts_left" -eq 0 ]; then break; fi
        say "$(basename -- "$0"): the run ended with status $final_status; starting again from the newest checkpoint" \
          "($restarts_left restart(s) left)"
        restarts_left=$((restarts_left - 1))
        if [ -z "$try_until" ]; then set -- "$@" --resume latest; fi
        try_until=$(($(date +%s) + ${patience-0})) ;;
      69)
        if [ "$(date +%s)" -ge "${try_until:-0}" ]; then break; fi
        say "$(basename -- "$0"): a host is gone again; another try in two seconds (--patience $patience)"
        sleep 2 ;;
      *) break ;;
    esac
    before_restart
    if [ -n "$asked_to_stop" ]; then break; fi
  done
  trap - USR1 TERM INT HUP
}

# stop_child SIGNAL: mpirun forwards SIGUSR1, at which the ranks save and stop; SIGTERM would leave them a second. `stop_signal` may
# say that it is to have another one.
stop_child() {
  interrupted=yes
  [ -n "$child" ] || return 0
  if [ "$asked_to_stop" = TERM ] && [ "$1" != USR1 ]; then
    kill -TERM "$child" 2>/dev/null || true
  else
    kill -"${stop_signal-USR1}" "$child" 2>/dev/null || true
  fi
  if [ "$1" = USR1 ]; then asked_to_stop=${asked_to_stop:-USR1}; else asked_to_stop=TERM; fi
}

# wait_for_child: until it is really gone. A trap ends the waiting with the status of the signal, which says nothing about the child,
# even where the child ended at the same moment.
wait_for_child() {
  while :; do
    interrupted='' final_status=0
    wait "$child" || final_status=$?
    if [ -z "$interrupted" ] && ! kill -0 "$child" 2>/dev/null; then break; fi
  done
}

# checked_count NAME VALUE: ends the script unless it is a whole number.
checked_count() {
  case $2 in '' | *[!0-9]*) die 64 "$1 must be a whole number from 0, not '$2'" ;; esac
}
