/* The implementations that codec-bench compares; each works on the same three messages. */
#ifndef T_PERF_CODEC_BENCH_H
#define T_PERF_CODEC_BENCH_H

#include "Codec.h"

#ifdef __cplusplus
extern "C" {
#endif

enum message { SMALL, MEDIUM, LARGE, N_MESSAGES };

/* The values, made once by codec-bench.c. */
struct samples {
	struct Perf_Small small;
	struct Perf_Medium medium;
	struct Perf_Large large;
};

/* protobuf: messages on an arena, encoded into a buffer that stays. */
void protobuf_setup(const struct samples *s);
size_t protobuf_encode(enum message m);
/* A new message on an empty arena, as for a request; and the same message again and again. */
void protobuf_decode(enum message m);
void protobuf_decode_again(enum message m);
void protobuf_end(void);

#ifdef __cplusplus
}
#endif

#endif
