// oneDNN, and the entry points of libgomp, the thread pool that oneDNN's products run on: Swift's element-wise
// passes share those threads instead of fighting them with a second pool.
#ifndef CEGZSL_CONEDNN_SHIM_H
#define CEGZSL_CONEDNN_SHIM_H
#include <oneapi/dnnl/dnnl.h>

void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);
int omp_get_num_places(void);
int omp_get_place_num_procs(int place);
void omp_get_place_proc_ids(int place, int *processors);
int omp_get_proc_bind(void);

#endif
