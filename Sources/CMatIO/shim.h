#ifndef CEGZSL_CMATIO_SHIM_H
#define CEGZSL_CMATIO_SHIM_H
#include <matio.h>
#endif
