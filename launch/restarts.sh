# shellcheck shell=sh
# Signals that are passed on, and starting a run again by itself; sourced by launch/local, launch/cluster, launch/mpirun and
# launch/slurm.sbatch after common.sh, if at all.

asked_to_stop='' child=''

# Until a run is started there is nothing that would have to be saved.
trap 'exit 75' USR1 USR2 TERM INT HUP

# pass_signals_on: from here on they go to the child, if need be as soon as there is one.
pass_signals_on() {
  trap 'stop_child USR1' USR1
  trap 'stop_child TERM' TERM
  trap 'stop_child INT' INT
  trap 'stop_child HUP' HUP
  trap 'end_child' USR2
}

# stop_child SIGNAL: mpirun forwards SIGUSR1, at which the ranks save and stop; SIGTERM would leave them a second. `stop_signal` may
# say that it is to have another one. A second SIGTERM or SIGINT ends them at once. (A terminal that closes may send two SIGHUPs.)
stop_child() {
  interrupted=yes earlier=$asked_to_stop
  if [ "$1" = USR1 ]; then asked_to_stop=${asked_to_stop:-USR1}; else asked_to_stop=TERM; fi
  [ -n "$child" ] || return 0
  case $earlier$1 in TERMTERM | TERMINT) end_child ;; *) tell_child ;; esac
}

# end_child: at once. Launchers that another one has started know this signal; launch/mpirun sends mpirun another.
end_child() {
  interrupted=yes asked_to_stop=TERM
  [ -z "$child" ] || kill -"${end_signal-USR2}" "$child" 2>/dev/null || true
}

# tell_child: to stop. (launch/mpirun has one of its own.)
tell_child() { kill -"${stop_signal-USR1}" "$child" 2>/dev/null || true; }

# wait_for_child PROCESS: until it is really gone; sets `final_status`. A trap ends the waiting with the status of the signal, which says
# nothing about the child, even where the child ended at the same moment.
wait_for_child() {
  child=$1
  # It came before.
  if [ -n "$asked_to_stop" ]; then tell_child; fi
  while :; do
    interrupted='' final_status=0
    wait "$child" || final_status=$?
    if [ -z "$interrupted" ] && ! kill -0 "$child" 2>/dev/null; then break; fi
  done
  # Who dies of SIGUSR1 had not come to the point from which on it is heard: nothing was begun.
  if [ -n "$asked_to_stop" ] && [ "${stop_signal-USR1}" = USR1 ] && [ "$final_status" -eq 138 ]; then final_status=75; fi
}

# is_training ARGUMENT…: whether a command among them trains, and so saves and can go on.
is_training() {
  for argument in "$@"; do
    case $argument in train | reference) return 0 ;; esac
  done
  return 1
}

# run_with_restarts MAX COMMAND…: runs it, and again with '--resume latest', at most MAX times, when it ends with
#   75   stopped by a signal that mpirun, not this process, received, with everything saved
#   79   the watchdog found a rank that no longer moves
#   137  a rank was killed (out of memory, for instance)
#   205  a host vanished
# Before a restart it calls `before_restart`. A restart that finds a host gone once more (69) is tried again for `patience` seconds (0
# if that is not set), and counts once. Any other status ends it, and so does a signal to this process: SIGUSR1, SIGTERM, SIGINT and
# SIGHUP let the ranks save and stop (status 75); a second SIGTERM or SIGINT ends them at once (143); where this process is killed, they
# save and stop. Sets `final_status`.
run_with_restarts() {
  restarts_left=$1 try_until=''
  shift
  pass_signals_on
  while [ -z "$asked_to_stop" ]; do
    setpriv --pdeathsig USR1 "$@" &
    wait_for_child $!
    if [ -n "$asked_to_stop" ]; then return; fi
    case $final_status in
      75 | 79 | 137 | 205)
        if [ "$restarts_left" -eq 0 ]; then return; fi
        say "$(basename -- "$0"): the run ended with status $final_status; starting again from the newest checkpoint" \
          "($restarts_left restart(s) left)"
        restarts_left=$((restarts_left - 1))
        if [ -z "$try_until" ]; then set -- "$@" --resume latest; fi
        try_until=$(($(date +%s) + ${patience-0})) ;;
      69)
        if [ "$(date +%s)" -ge "${try_until:-0}" ]; then return; fi
        say "$(basename -- "$0"): the restart failed with status 69, as where a host is gone again; another try in two seconds" \
          "(--patience $patience)"
        sleep 2 ;;
      *) return ;;
    esac
    before_restart
  done
  # Between two runs.
  final_status=75
}

# checked_count NAME VALUE: ends the script unless it is a whole number that the shell takes for what it looks like.
checked_count() {
  case $2 in '' | *[!0-9]* | 0?* | ??????????*) die 64 "$1 must be a whole number from 0 to 999999999, not '$2'" ;; esac
}
