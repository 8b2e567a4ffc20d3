# shellcheck shell=sh disable=SC2034,SC2154 # the variables are for the scripts that source this
# What is different about Open MPI 4 and 5, and which of them is here; sourced by launch/mpirun and launch/cluster after common.sh.

# find_open_mpi: looks at the mpirun on the PATH. Sets `mpi_version`, `mpi_major`, `mpi_folder` (of its bin and lib) and
# `mpi_daemon` (what it starts on other hosts). Ends the script where it is of another MPI.
find_open_mpi() {
  mpi_program=$(command -v mpirun) || die 69 "mpirun is not installed: run launch/install first"
  mpi_answer=$(mpirun --version 2>&1 </dev/null || true)
  case $mpi_answer in
    *'(Open MPI)'*) other='' ;;
    *'Intel(R) MPI'*) other="Intel MPI's" ;;
    *HYDRA* | *MPICH* | *MVAPICH*) other="MPICH's" ;;
    *) other="unknown ('$(printf '%s\n' "$mpi_answer" | head -n 1)')" ;;
  esac
  [ -z "$other" ] || die 69 "the mpirun on the PATH ($mpi_program) is $other; every rank would run alone. Put that of the Open MPI" \
    "that cegzsl is linked to first on the PATH (Debian: /usr/bin/mpirun.openmpi; 'update-alternatives --config mpirun')."
  mpi_version=$(printf '%s\n' "$mpi_answer" | sed -n 's/.*(Open MPI) *\([0-9][0-9.]*\).*/\1/p' | head -n 1)
  mpi_major=${mpi_version%%.*}
  case $mpi_major in
    4) mpi_daemon=orted ;;
    5) mpi_daemon=prted ;;
    *) die 69 "Open MPI 4 or 5 is needed, $mpi_program is '$mpi_version'" ;;
  esac
  mpi_folder=$(CDPATH='' cd -- "$(dirname -- "$mpi_program")/.." && pwd)
}

# look_for_program_mpi ARGUMENT…: sets `linked_program` to the first argument that is a program linked to an MPI (a wrapper may
# stand before it), `linked_library` to the library it would load now and `linked_major` to its major version; empty if there is none.
look_for_program_mpi() {
  linked_program='' linked_library='' linked_major=''
  for argument in "$@"; do
    case $argument in
      -*) continue ;;
      */*) ;;
      *) argument=$(command -v "$argument" || true) ;;
    esac
    if [ ! -f "$argument" ] || [ ! -x "$argument" ]; then continue; fi
    libraries=$(ldd "$argument" 2>/dev/null || true)
    linked_library=$(printf '%s\n' "$libraries" | sed -n 's/^[[:space:]]*libmpi\.so[^ ]* => \(.*\)/\1/p' | sed 's/ (0x.*//')
    if [ -z "$linked_library" ]; then continue; fi
    linked_program=$argument
    # The two have a libmpi of the same name, but not what lies under it.
    case $linked_library$libraries in
      'not found'*) linked_major=none ;;
      *libopen-pal.so.40*) linked_major=4 ;;
      *libopen-pal.so.80*) linked_major=5 ;;
    esac
    return
  done
}

# match_program ARGUMENT…: makes sure that the program's ranks load the Open MPI of this mpirun: another one waits for a daemon that
# never answers, or its ranks do not find each other. Adds mpirun's own library to LD_LIBRARY_PATH where that does it.
match_program() {
  look_for_program_mpi "$@"
  case $linked_major in '' | "$mpi_major") return 0 ;; esac
  case $linked_major in
    none) found="finds no Open MPI library" ;;
    *) found="loads Open MPI $linked_major ($linked_library)" ;;
  esac
  path_before=${LD_LIBRARY_PATH-}
  for folder in "$mpi_folder/lib" "$mpi_folder/lib64"; do
    [ -e "$folder/libmpi.so.40" ] || continue
    export LD_LIBRARY_PATH="$folder${path_before:+:$path_before}"
    look_for_program_mpi "$@"
    if [ "$linked_major" = "$mpi_major" ]; then return 0; fi
  done
  die 69 "$mpi_program is Open MPI $mpi_version, but $linked_program $found: its ranks would not find each other. Put the bin folder" \
    "of the program's Open MPI first on the PATH, or the library of Open MPI $mpi_version first in LD_LIBRARY_PATH."
}

# refuse_in_slurm_step: there, mpirun asks Slurm for a step of its own on the other nodes and waits for ever for the processors that
# this one holds; and each of several tasks would start all ranks again. The shell of salloc, step 4294967290, holds none.
refuse_in_slurm_step() {
  step=${SLURM_STEP_ID-}
  case $step in '' | *[!0-9]*) return 0 ;; esac
  if [ "$step" -ge 4294967000 ]; then return 0; fi
  die 69 "this is step $step of Slurm job ${SLURM_JOB_ID-}: in a step, mpirun waits for ever for processors that the step itself holds." \
    "Start launch/mpirun from the job script or from salloc's shell, or the program itself with srun --mpi=pmix. For ranks on this" \
    "node alone, from a step of one task: env -u SLURM_STEP_ID launch/mpirun …"
}

# may_read_neighbours: whether ranks may copy from each other's memory. A container's system call filter and a user namespace of each
# process's own may deny it, which Open MPI notices only at the first large message.
may_read_neighbours() {
  [ "$(awk '/^Seccomp:/ { print $2 }' /proc/self/status 2>/dev/null)" = 0 ] || return 1
  awk 'NR == 1 && $1 == 0 && $2 == 0 && $3 == 4294967295 { whole = 1 } END { exit !(whole && NR == 1) }' \
    /proc/self/uid_map 2>/dev/null
}

# session_folder: where Open MPI's session files should go instead of TMPDIR; nothing where that will do. They hold sockets, whose
# paths have at most 107 characters, and a file system that hosts share would hold those of all of them.
session_folder() {
  folder=${TMPDIR:-/tmp}
  [ "$folder" != /tmp ] || return 0
  kind=$(stat --file-system --format=%T "$folder" 2>/dev/null || echo none)
  case $kind in
    nfs* | lustre | gpfs | beegfs | ceph | afs | smb* | cifs | fuse* | none) echo /tmp ;;
    *) if [ "${#folder}" -gt 40 ]; then echo /tmp; fi ;;
  esac
}
