#ifndef CEGZSL_CCRYPTO_SHIM_H
#define CEGZSL_CCRYPTO_SHIM_H
#include <openssl/evp.h>
#endif
