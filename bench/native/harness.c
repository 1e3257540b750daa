/* Times native libzstd. One request a line on stdin: "c|d LEVEL OFFSET SIZE CALLS"; the answer is nanoseconds a call, the
 * length of the frame and nanoseconds of processor time a call. The data file is the first argument. Frames carry content size
 * and checksum, as zstash's do. */
#define ZSTD_STATIC_LINKING_ONLY
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zstd.h>

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char** argv) {
  char kind;
  int level;
  size_t offset, size, calls, dataSize, compressed = 0;
  FILE* const file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  if (!file) return 1;
  fseek(file, 0, SEEK_END);
  dataSize = (size_t)ftell(file);
  rewind(file);
  {
    char* const data = malloc(dataSize);
    size_t const bound = ZSTD_compressBound(dataSize);
    char* const frame = malloc(bound);
    char* const output = malloc(dataSize);
    ZSTD_CCtx* const cctx = ZSTD_createCCtx();
    ZSTD_DCtx* const dctx = ZSTD_createDCtx();
    if (fread(data, 1, dataSize, file) != dataSize) return 1;
    ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 1);
    while (scanf(" %c %d %zu %zu %zu", &kind, &level, &offset, &size, &calls) == 5) {
      size_t call;
      double start, processor;
      if (offset + size > dataSize) return 1;
      ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, level);
      compressed = ZSTD_compress2(cctx, frame, bound, data + offset, size);
      processor = now(CLOCK_PROCESS_CPUTIME_ID);
      start = now(CLOCK_MONOTONIC);
      for (call = 0; call < calls; call++) {
        size_t const result = kind == 'c' ? ZSTD_compress2(cctx, frame, bound, data + offset, size)
                                          : ZSTD_decompressDCtx(dctx, output, size, frame, compressed);
        if (ZSTD_isError(result)) return 1;
      }
      printf("%.1f %zu %.1f\n", (now(CLOCK_MONOTONIC) - start) / calls, compressed,
             (now(CLOCK_PROCESS_CPUTIME_ID) - processor) / calls);
      fflush(stdout);
    }
  }
  return 0;
}
