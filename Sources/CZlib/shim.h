// zlib, with the one entry that is a macro.
#ifndef CEGZSL_CZLIB_SHIM_H
#define CEGZSL_CZLIB_SHIM_H
#include <zlib.h>
/// Readies an all-zero stream; 15 window bits for zlib's own wrapping, -15 for bare deflate.
static inline int cegzsl_inflate_start(z_stream *stream, int window_bits) { return inflateInit2(stream, window_bits); }
#endif
