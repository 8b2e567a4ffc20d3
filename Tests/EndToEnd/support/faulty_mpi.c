// Preloaded in front of Open MPI's library: at one call of one rank, something happens. Calls are counted that begin an exchange or are one;
// looking whether something has arrived is not, since how often that is done depends on the moment.
//   FAULTY_RANK    of MPI_COMM_WORLD
//   FAULTY_CALL    number of the call, from 1; 0: none
//   FAULTY_ACTION  fail: the call returns an error and does nothing; kill, stop: this process gets SIGKILL or SIGSTOP before the call;
//                  flip: the next message from this call on, of those with FAULTY_TAG, leaves with one bit changed
//   FAULTY_TAG     1: rows, 2: sums, 3: parameters; set: fail and stop, too, wait for a message with it
//   FAULTY_APART   set: every rank believes to be on a host of its own
//   FAULTY_COUNT   file into which FAULTY_RANK writes how many calls there were
#define _GNU_SOURCE
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long calls;
static int fails_next, flips, stops;

static int is_chosen(void) {
  static int known = -1;
  if (known < 0) {
    int rank = -1;
    PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    const char *chosen = getenv("FAULTY_RANK");
    known = chosen && atoi(chosen) == rank;
  }
  return known;
}

// Counts a call; 1 where it is to fail.
static int fails(void) {
  if (!is_chosen()) return 0;
  calls++;
  const char *number = getenv("FAULTY_CALL"), *action = getenv("FAULTY_ACTION");
  if (!number || !action || calls != atol(number)) return 0;
  fprintf(stderr, "faulty_mpi: %s at call %ld\n", action, calls);
  if (!strcmp(action, "kill")) raise(SIGKILL);
  if (!strcmp(action, "stop")) {
    if (getenv("FAULTY_TAG")) stops = 1;
    else raise(SIGSTOP);
  }
  if (!strcmp(action, "flip")) flips = 1;
  if (strcmp(action, "fail")) return 0;
  fails_next = getenv("FAULTY_TAG") != NULL;
  return !fails_next;
}

#define REPLACED(name, parameters, arguments) \
  int MPI_##name parameters { return fails() ? MPI_ERR_OTHER : PMPI_##name arguments; }

REPLACED(Allgather, (const void *a, int b, MPI_Datatype c, void *d, int e, MPI_Datatype f, MPI_Comm g), (a, b, c, d, e, f, g))
REPLACED(Allgatherv, (const void *a, int b, MPI_Datatype c, void *d, const int *e, const int *f, MPI_Datatype g, MPI_Comm h),
         (a, b, c, d, e, f, g, h))
REPLACED(Gatherv, (const void *a, int b, MPI_Datatype c, void *d, const int *e, const int *f, MPI_Datatype g, int h, MPI_Comm i),
         (a, b, c, d, e, f, g, h, i))
REPLACED(Allreduce, (const void *a, void *b, int c, MPI_Datatype d, MPI_Op e, MPI_Comm f), (a, b, c, d, e, f))
REPLACED(Bcast, (void *a, int b, MPI_Datatype c, int d, MPI_Comm e), (a, b, c, d, e))
REPLACED(Irecv, (void *a, int b, MPI_Datatype c, int d, int e, MPI_Comm f, MPI_Request *g), (a, b, c, d, e, f, g))
REPLACED(Ibarrier, (MPI_Comm a, MPI_Request *b), (a, b))

int MPI_Isend(const void *data, int count, MPI_Datatype type, int rank, int tag, MPI_Comm comm, MPI_Request *request) {
  if (fails()) return MPI_ERR_OTHER;
  const char *chosen = getenv("FAULTY_TAG");
  int is_chosen_tag = !chosen || atoi(chosen) == tag;
  if (stops && is_chosen_tag) raise(SIGSTOP);
  if (fails_next && is_chosen_tag) {
    fails_next = 0;
    return MPI_ERR_OTHER;
  }
  if (!flips || !is_chosen_tag) return PMPI_Isend(data, count, type, rank, tag, comm, request);
  flips = 0;
  int size = 0, place = 0;
  PMPI_Pack_size(count, type, comm, &size);
  // Kept to the end: the request is the program's.
  unsigned char *copy = malloc((size_t)size);
  PMPI_Pack(data, count, type, copy, size, &place, comm);
  copy[place / 8 * 4] ^= 1;
  fprintf(stderr, "faulty_mpi: one bit of %d bytes to rank %d is another one\n", place, rank);
  return PMPI_Isend(copy, place, MPI_PACKED, rank, tag, comm, request);
}

int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *result) {
  if (!getenv("FAULTY_APART")) return PMPI_Comm_split_type(comm, type, key, info, result);
  int rank = 0;
  PMPI_Comm_rank(comm, &rank);
  return PMPI_Comm_split(comm, rank, key, result);
}

int MPI_Finalize(void) {
  const char *path = getenv("FAULTY_COUNT");
  if (path && is_chosen()) {
    FILE *file = fopen(path, "w");
    if (file) {
      fprintf(file, "%ld\n", calls);
      fclose(file);
    }
  }
  return PMPI_Finalize();
}
