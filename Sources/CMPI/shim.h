// Open MPI's constants are C casts, which Swift does not import: one inline accessor each, no logic.
#ifndef CEGZSL_CMPI_SHIM_H
#define CEGZSL_CMPI_SHIM_H
#include <mpi.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static inline MPI_Comm cmpi_comm_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Comm cmpi_comm_null(void) { return MPI_COMM_NULL; }
static inline MPI_Errhandler cmpi_errors_return(void) { return MPI_ERRORS_RETURN; }
static inline MPI_Datatype cmpi_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype cmpi_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype cmpi_int64(void) { return MPI_INT64_T; }
static inline MPI_Datatype cmpi_int32(void) { return MPI_INT32_T; }
static inline int cmpi_shared_memory(void) { return MPI_COMM_TYPE_SHARED; }
static inline MPI_Datatype cmpi_byte(void) { return MPI_BYTE; }
static inline MPI_Op cmpi_sum(void) { return MPI_SUM; }
static inline MPI_Op cmpi_max(void) { return MPI_MAX; }
static inline MPI_Op cmpi_min(void) { return MPI_MIN; }
static inline void *cmpi_in_place(void) { return MPI_IN_PLACE; }
static inline MPI_Info cmpi_info_null(void) { return MPI_INFO_NULL; }
static inline int cmpi_any_source(void) { return MPI_ANY_SOURCE; }
static inline int cmpi_any_tag(void) { return MPI_ANY_TAG; }
static inline void *cmpi_bottom(void) { return MPI_BOTTOM; }
static inline MPI_Status *cmpi_status_ignore(void) { return MPI_STATUS_IGNORE; }

// What Open MPI's shared memory does with large messages; the C library declares it for GNU sources only.
static inline long cmpi_read_process(int process, void *remote, void *local, unsigned long bytes) {
  struct iovec from = {remote, bytes}, to = {local, bytes};
  return syscall(SYS_process_vm_readv, (long)process, &to, 1L, &from, 1L, 0L);
}

// Memory without a name, the same way.
static inline int cmpi_memory_file(const char *name) { return (int)syscall(SYS_memfd_create, name, 1UL); }

#endif
