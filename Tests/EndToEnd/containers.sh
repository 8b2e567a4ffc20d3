#!/bin/sh
# The commands of launch/Dockerfile and launch/apptainer.def (their last stages; launch/bundle of the first), run in a debootstrap root:
# the program runs there without Swift, on one rank and two, and gives the bytes that it gives here. No container program is involved.
# Needs root, debootstrap and a package archive; takes about a minute.
. "$(dirname -- "$0")/support/common.sh"

not_run() {
  passed "NOT RUN: $*"
  exit 0
}
[ "$(id -u)" -eq 0 ] || not_run "recipes of containers need root"
command -v debootstrap >/dev/null || not_run "recipes of containers need debootstrap"
unshare --mount mount -t tmpfs none /mnt 2>/dev/null || not_run "recipes of containers need a mount namespace"

image=$scratch/image
debootstrap --variant=minbase bookworm "$image" >"$scratch/output" 2>&1 </dev/null ||
  not_run "recipes of containers: debootstrap fails (is the archive reachable?)"
cp -L /etc/resolv.conf "$image/etc/"
cp -R "$demo" "$image/demo"
expect 0 "$root/launch/bundle" "$scratch/opt-cegzsl" --program "$program"

# inside COMMAND…: in the root, with its own /proc and this machine's /dev, which vanish with the command.
inside() {
  # shellcheck disable=SC2016 # the inner shell expands it
  unshare --mount sh -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"' "$image" "$@"
}
# place SOURCE TARGET: a COPY from the build stage, or a line of %files.
place() {
  [ "$1" = /opt/cegzsl ] || fail "the last stage takes '$1' from the first, which makes /opt/cegzsl only"
  rm -rf "${image:?}$2"
  cp -R "$scratch/opt-cegzsl" "$image$2"
}
# as_here RUN COMMAND…: the command trains in the root; its bytes are those of a run here.
expect 0 train 1 "$scratch/here" --seed 7 --max-iterations 3
as_here() {
  as_here_run=$1
  shift
  # shellcheck disable=SC2086 # one word per option
  expect 0 inside "$@" train --data /demo --run "$as_here_run" $sizes --seed 7 --max-iterations 3
  expect_same_state "$(checkpoint "$scratch/here" 3)" "$(checkpoint "$image$as_here_run" 3)"
}

# The Dockerfile's last stage, line by line.
awk '/^FROM/ { stage++ } stage == 2 && !/^(FROM|#|$)/' "$root/launch/Dockerfile" >"$scratch/steps"
path='' entry=''
while read -r step words; do
  case $step in
    COPY)
      # shellcheck disable=SC2086 # two words
      place ${words#--from=build } ;;
    RUN) expect 0 inside sh -c "$words" ;;
    ENV) path=${words#PATH=} ;;
    ENTRYPOINT) entry=$(printf '%s' "$words" | tr -d '[]"') ;;
    CMD) ;;
    *) fail "what does '$step' of the Dockerfile do?" ;;
  esac
done <"$scratch/steps"
[ ! -e "$image/usr/bin/swift" ] || fail "Swift is in the image"
expect 0 inside env PATH="$path" "$entry" presets tiny
said "batch-size"
as_here /run/docker-1 env PATH="$path" "$entry"
as_here /run/docker-2 /opt/cegzsl/launch/local --ranks 2

# section NAME: lines of the last stage of the Apptainer definition.
section() {
  awk -v name="%$1" '/^Stage: / { last = ($2 == "final") } /^%/ { on = (last && $1 == name); next } on && NF { sub(/^ +/, ""); print }' \
    "$root/launch/apptainer.def"
}
section files >"$scratch/files"
while read -r source target; do place "$source" "$target"; done <"$scratch/files"
expect 0 inside sh -e -c "$(section post)"
expect 0 inside sh -e -c "$(section test)"
said "batch-size"
as_here /run/apptainer-1 sh -c "$(section environment)
$(section runscript)" cegzsl
as_here /run/apptainer-2 /opt/cegzsl/launch/mpirun 2 sh -c "$(section environment)
$(section runscript)" cegzsl

passed "the recipes of the Dockerfile and the Apptainer definition, in a fresh Debian: no Swift there, the same bytes on 1 and 2 ranks"
