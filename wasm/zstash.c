/* The C ABI that src/engine/wasm.ts calls: libzstd's own operations under their own names, one export each.
 * Results are libzstd's: a size, or an error as the two's complement of a ZSTD_ErrorCode.
 * The module imports nothing. ZSTASH_DECODER leaves compression and the general-purpose allocator out. */

#define ZSTD_STATIC_LINKING_ONLY
#include <stddef.h>
#include <zstd.h>

#define EXPORT(name) __attribute__((export_name(#name), visibility("default")))

EXPORT(zstash_malloc) void* zstash_malloc(size_t size);
EXPORT(zstash_free) void zstash_free(void* address);

EXPORT(ZSTD_versionNumber) unsigned zstash_version(void) { return ZSTD_versionNumber(); }

EXPORT(ZSTD_createDCtx) ZSTD_DCtx* zstash_create_dctx(void) { return ZSTD_createDCtx(); }

EXPORT(ZSTD_freeDCtx) size_t zstash_free_dctx(ZSTD_DCtx* context) { return ZSTD_freeDCtx(context); }

EXPORT(ZSTD_decompressDCtx)
size_t zstash_decompress(ZSTD_DCtx* context, void* dst, size_t dstCapacity, const void* src, size_t srcSize) {
  return ZSTD_decompressDCtx(context, dst, dstCapacity, src, srcSize);
}

/* Input and output of one streaming step, as six words that JavaScript reads and writes. */
typedef struct {
  const void* src;
  size_t srcSize;
  size_t srcPos;
  void* dst;
  size_t dstCapacity;
  size_t dstPos;
} Buffers;

EXPORT(ZSTD_decompressStream) size_t zstash_decompress_stream(ZSTD_DCtx* context, Buffers* buffers) {
  ZSTD_inBuffer input = {buffers->src, buffers->srcSize, buffers->srcPos};
  ZSTD_outBuffer output = {buffers->dst, buffers->dstCapacity, buffers->dstPos};
  size_t const result = ZSTD_decompressStream(context, &output, &input);
  buffers->srcPos = input.pos;
  buffers->dstPos = output.pos;
  return result;
}

EXPORT(ZSTD_DCtx_setParameter) size_t zstash_set_dparameter(ZSTD_DCtx* context, int parameter, int value) {
  return ZSTD_DCtx_setParameter(context, (ZSTD_dParameter)parameter, value);
}

EXPORT(ZSTD_DCtx_reset) size_t zstash_reset_dctx(ZSTD_DCtx* context, int directive) {
  return ZSTD_DCtx_reset(context, (ZSTD_ResetDirective)directive);
}

EXPORT(ZSTD_createDDict) ZSTD_DDict* zstash_create_ddict(const void* dictionary, size_t size) {
  return ZSTD_createDDict(dictionary, size);
}

EXPORT(ZSTD_freeDDict) size_t zstash_free_ddict(ZSTD_DDict* dictionary) { return ZSTD_freeDDict(dictionary); }

EXPORT(ZSTD_DCtx_refDDict) size_t zstash_ref_ddict(ZSTD_DCtx* context, const ZSTD_DDict* dictionary) {
  return ZSTD_DCtx_refDDict(context, dictionary);
}

/* Raw content for the next frame alone; not copied. */
EXPORT(ZSTD_DCtx_refPrefix) size_t zstash_ref_dprefix(ZSTD_DCtx* context, const void* prefix, size_t size) {
  return ZSTD_DCtx_refPrefix(context, prefix, size);
}

#ifdef ZSTASH_DECODER

/* A stack of blocks at the end of linear memory. A block is reclaimed when everything above it is free; the
 * decoder frees in reverse order of allocation but for one context, so this is enough and costs 300 bytes where
 * dlmalloc costs 5 KB. */
typedef struct Block {
  struct Block* below;
  size_t isFree;
} Block;

extern unsigned char __heap_base;
static Block* top;
static size_t end;

void* malloc(size_t size) {
  size_t const start = end ? end : ((size_t)&__heap_base + 15) & ~(size_t)15;
  size_t const limit = __builtin_wasm_memory_size(0) << 16;
  if (size > 0x7FFFFFFF) return NULL;
  {
    size_t const next = start + sizeof(Block) + 8 + ((size + 15) & ~(size_t)15);
    Block* const block = (Block*)start;
    if (next < start) return NULL;
    if (next > limit && __builtin_wasm_memory_grow(0, (next - limit + 0xFFFF) >> 16) == (size_t)-1) return NULL;
    block->below = top;
    block->isFree = 0;
    top = block;
    end = next;
    return (unsigned char*)block + 16;
  }
}

void free(void* address) {
  if (!address) return;
  ((Block*)((unsigned char*)address - 16))->isFree = 1;
  while (top && top->isFree) {
    end = (size_t)top;
    top = top->below;
  }
}

void* calloc(size_t count, size_t size) {
  size_t const total = count * size;
  void* const address = count && total / count != size ? NULL : malloc(total);
  return address ? __builtin_memset(address, 0, total) : NULL;
}

#else
#include <stdlib.h>

EXPORT(ZSTD_compressBound) size_t zstash_compress_bound(size_t srcSize) { return ZSTD_compressBound(srcSize); }

EXPORT(ZSTD_createCCtx) ZSTD_CCtx* zstash_create_cctx(void) { return ZSTD_createCCtx(); }

EXPORT(ZSTD_freeCCtx) size_t zstash_free_cctx(ZSTD_CCtx* context) { return ZSTD_freeCCtx(context); }

EXPORT(ZSTD_CCtx_setParameter) size_t zstash_set_parameter(ZSTD_CCtx* context, int parameter, int value) {
  return ZSTD_CCtx_setParameter(context, (ZSTD_cParameter)parameter, value);
}

EXPORT(ZSTD_CCtx_reset) size_t zstash_reset_cctx(ZSTD_CCtx* context, int directive) {
  return ZSTD_CCtx_reset(context, (ZSTD_ResetDirective)directive);
}

EXPORT(ZSTD_compress2)
size_t zstash_compress(ZSTD_CCtx* context, void* dst, size_t dstCapacity, const void* src, size_t srcSize) {
  return ZSTD_compress2(context, dst, dstCapacity, src, srcSize);
}

EXPORT(ZSTD_compressStream2) size_t zstash_compress_stream(ZSTD_CCtx* context, Buffers* buffers, int endOp) {
  ZSTD_inBuffer input = {buffers->src, buffers->srcSize, buffers->srcPos};
  ZSTD_outBuffer output = {buffers->dst, buffers->dstCapacity, buffers->dstPos};
  size_t const result = ZSTD_compressStream2(context, &output, &input, (ZSTD_EndDirective)endOp);
  buffers->srcPos = input.pos;
  buffers->dstPos = output.pos;
  return result;
}

/* Sizes cross as doubles, exact up to 2^53: a 64-bit integer would be a BigInt in JavaScript. */
EXPORT(ZSTD_CCtx_setPledgedSrcSize) size_t zstash_set_pledged_size(ZSTD_CCtx* context, double size) {
  return ZSTD_CCtx_setPledgedSrcSize(context, (unsigned long long)size);
}

EXPORT(ZSTD_createCDict) ZSTD_CDict* zstash_create_cdict(const void* dictionary, size_t size, int level) {
  return ZSTD_createCDict(dictionary, size, level);
}

EXPORT(ZSTD_freeCDict) size_t zstash_free_cdict(ZSTD_CDict* dictionary) { return ZSTD_freeCDict(dictionary); }

EXPORT(ZSTD_CCtx_refCDict) size_t zstash_ref_cdict(ZSTD_CCtx* context, const ZSTD_CDict* dictionary) {
  return ZSTD_CCtx_refCDict(context, dictionary);
}

EXPORT(ZSTD_CCtx_refPrefix) size_t zstash_ref_cprefix(ZSTD_CCtx* context, const void* prefix, size_t size) {
  return ZSTD_CCtx_refPrefix(context, prefix, size);
}

/* Bytes a compression stream will take: zero logs leave the level's own, a negative size is unknown. */
EXPORT(ZSTD_estimateCStreamSize)
size_t zstash_estimate_cstream(int level, int windowLog, int chainLog, int hashLog, double size) {
  ZSTD_compressionParameters parameters =
      ZSTD_getCParams(level, size < 0 ? ZSTD_CONTENTSIZE_UNKNOWN : (unsigned long long)size, 0);
  if (windowLog) parameters.windowLog = (unsigned)windowLog;
  if (chainLog) parameters.chainLog = (unsigned)chainLog;
  if (hashLog) parameters.hashLog = (unsigned)hashLog;
  return ZSTD_estimateCStreamSize_usingCParams(parameters);
}

#endif

void* zstash_malloc(size_t size) { return malloc(size); }
void zstash_free(void* address) { free(address); }
