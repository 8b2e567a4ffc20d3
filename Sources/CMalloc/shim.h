// The C library's settings of its allocator, which Swift's Glibc module leaves out.
#ifndef CEGZSL_CMALLOC_SHIM_H
#define CEGZSL_CMALLOC_SHIM_H
#include <malloc.h>
#endif
