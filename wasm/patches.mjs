// zstd sizes its bit containers by size_t, which is 4 bytes on wasm32 although 64-bit integers are native there.
// These replacements move the containers to 64 bits: decoding −19…−25 % time, encoding −4…−9 %, and the verdict on
// corrupted input becomes the one of a 64-bit build. Two places must stay as on 32 bits because pointers do:
// the overflow checks on `oend - op`, and ZSTD_CURRENT_MAX.

/**
 * One asserted replacement: `count` matches of `find` in `file`, or the build stops.
 * @typedef {{ file: string, find: string, replace: string, count: number }} Patch
 */

/** @type {readonly Patch[]} */
export const patches = [
  p("common/mem.h", "MEM_32bits(void) { return sizeof(size_t)==4; }", "MEM_32bits(void) { return 0; }"),
  p("common/mem.h", "MEM_64bits(void) { return sizeof(size_t)==8; }", "MEM_64bits(void) { return 1; }"),
  p("common/mem.h", "size_t MEM_readLEST(const void* memPtr)", "U64 MEM_readLEST(const void* memPtr)", 2),
  p("common/mem.h", "return (size_t)MEM_readLE64(memPtr);", "return MEM_readLE64(memPtr);"),
  p(
    "common/mem.h",
    "void MEM_writeLEST(void* memPtr, size_t val)",
    "void MEM_writeLEST(void* memPtr, U64 val)",
    2,
  ),

  p("common/bits.h", "unsigned ZSTD_NbCommonBytes(size_t val)", "unsigned ZSTD_NbCommonBytes(U64 val)"),

  p("common/bitstream.h", "typedef size_t BitContainerType;", "typedef U64 BitContainerType;"),
  p(
    "common/bitstream.h",
    "MEM_STATIC size_t BIT_readBitsFast(",
    "MEM_STATIC BitContainerType BIT_readBitsFast(",
  ),

  // The fast path of FSE_compress writes whole containers, so its bound counts 8 bytes.
  p("common/fse.h", "sizeof(size_t) /* bitContainer */", "sizeof(U64) /* bitContainer */"),

  p("common/huf.h", "typedef size_t HUF_CElt;", "typedef U64 HUF_CElt;"),
  p(
    "common/huf.h",
    "(HUF_CTABLE_SIZE_ST(maxSymbolValue) * sizeof(size_t))",
    "(HUF_CTABLE_SIZE_ST(maxSymbolValue) * sizeof(HUF_CElt))",
  ),
  p("common/huf.h", "BYTE unused[sizeof(size_t) - 2];", "BYTE unused[sizeof(HUF_CElt) - 2];"),

  p(
    "compress/huf_compress.c",
    "static size_t HUF_getValue(HUF_CElt elt)",
    "static U64 HUF_getValue(HUF_CElt elt)",
  ),
  p("compress/huf_compress.c", "return elt & ~(size_t)0xFF;", "return elt & ~(U64)0xFF;"),
  p(
    "compress/huf_compress.c",
    "static size_t HUF_getValueFast(HUF_CElt elt)",
    "static U64 HUF_getValueFast(HUF_CElt elt)",
  ),
  p(
    "compress/huf_compress.c",
    "static size_t HUF_getNbBits(HUF_CElt elt)\n{",
    "static U64 HUF_getNbBits(HUF_CElt elt)\n{",
  ),
  p(
    "compress/huf_compress.c",
    "static size_t HUF_getNbBitsFast(HUF_CElt elt)",
    "static U64 HUF_getNbBitsFast(HUF_CElt elt)",
  ),
  p(
    "compress/huf_compress.c",
    "static void HUF_setValue(HUF_CElt* elt, size_t value)",
    "static void HUF_setValue(HUF_CElt* elt, U64 value)",
  ),
  p(
    "compress/huf_compress.c",
    "#define HUF_BITS_IN_CONTAINER (sizeof(size_t) * 8)",
    "#define HUF_BITS_IN_CONTAINER (sizeof(U64) * 8)",
  ),
  p("compress/huf_compress.c", "    size_t bitContainer[2];", "    U64 bitContainer[2];"),
  p("compress/huf_compress.c", "    size_t bitPos[2];", "    U64 bitPos[2];"),
  p(
    "compress/huf_compress.c",
    "size_t const bitContainer = bitC->bitContainer[0] >>",
    "U64 const bitContainer = bitC->bitContainer[0] >>",
  ),

  p("compress/zstd_compress_internal.h", "pInLimit - (sizeof(size_t)-1);", "pInLimit - (sizeof(U64)-1);"),
  p(
    "compress/zstd_compress_internal.h",
    "size_t const diff = MEM_readST(pMatch) ^ MEM_readST(pIn);",
    "U64 const diff = MEM_read64(pMatch) ^ MEM_read64(pIn);",
    2,
  ),
  p(
    "compress/zstd_compress_internal.h",
    "pIn+=sizeof(size_t); pMatch+=sizeof(size_t);",
    "pIn+=sizeof(U64); pMatch+=sizeof(U64);",
    2,
  ),
  p(
    "compress/zstd_compress_internal.h",
    "#define ZSTD_CURRENT_MAX (MEM_64bits() ? 3500U MB : 2000U MB)",
    "#define ZSTD_CURRENT_MAX (2000U MB)",
  ),

  p(
    "decompress/huf_decompress.c",
    "static size_t HUF_initFastDStream(BYTE const* ip) {",
    "static U64 HUF_initFastDStream(BYTE const* ip) {",
  ),
  p(
    "decompress/huf_decompress.c",
    "size_t const value = MEM_readLEST(ip) | 1;",
    "U64 const value = MEM_readLEST(ip) | 1;",
  ),
  p(
    "decompress/huf_decompress.c",
    "bit->limitPtr = bit->start + sizeof(size_t);",
    "bit->limitPtr = bit->start + sizeof(U64);",
  ),
  p(
    "decompress/huf_decompress.c",
    "if ((size_t)(oend - op4) >= sizeof(size_t)) {",
    "if ((size_t)(oend - op4) >= sizeof(U64)) {",
    2,
  ),
  p(
    "decompress/huf_decompress.c",
    "BYTE* const olimit = oend - (sizeof(size_t)-1);",
    "BYTE* const olimit = oend - (sizeof(U64)-1);",
  ),

  p(
    "decompress/zstd_decompress_block.c",
    "(MEM_32bits() && (size_t)(oend - op) < sequenceLength + WILDCOPY_OVERLENGTH)",
    "(sizeof(size_t)==4 && (size_t)(oend - op) < sequenceLength + WILDCOPY_OVERLENGTH)",
    2,
  ),

  // WebAssembly has no prefetch, so the row matcher of levels 5–12 waits for memory at every position. A load whose value
  // nobody wants does as well: engines keep it, because a load may trap, and the processor goes on past it. All of these
  // addresses are within the tables and the window.
  p(
    "compress/zstd_lazy.c",
    "    PREFETCH_L1(hashTable + relRow);",
    "    (void)*(volatile U32 const*)(hashTable + relRow);",
  ),
  p(
    "compress/zstd_lazy.c",
    "        PREFETCH_L1(hashTable + relRow + 16);",
    "        (void)*(volatile U32 const*)(hashTable + relRow + 16);",
  ),
  p(
    "compress/zstd_lazy.c",
    "    PREFETCH_L1(tagTable + relRow);",
    "    (void)*(volatile BYTE const*)(tagTable + relRow);",
  ),
  p(
    "compress/zstd_lazy.c",
    "        PREFETCH_L1(tagTable + relRow + 32);",
    "        (void)*(volatile BYTE const*)(tagTable + relRow + 32);",
  ),
  p(
    "compress/zstd_lazy.c",
    "                PREFETCH_L1(base + matchIndex);",
    "                (void)*(volatile BYTE const*)(base + matchIndex);",
  ),

  // A function for each length of a match. In one function with all of them, V8 compiles every one before the first block:
  // the first kilobyte of a process takes 0.4 of 2.9 ms less, and the module 0.1 KB.
  p(
    "compress/zstd_fast.c",
    "    static size_t ZSTD_compressBlock_fast_##dictMode##_##mml##_##cmov(",
    "    static __attribute__((noinline)) size_t ZSTD_compressBlock_fast_##dictMode##_##mml##_##cmov(",
  ),
  p(
    "compress/zstd_double_fast.c",
    "    static size_t ZSTD_compressBlock_doubleFast_##dictMode##_##mls(",
    "    static __attribute__((noinline)) size_t ZSTD_compressBlock_doubleFast_##dictMode##_##mls(",
  ),

  // A compressed block of no bytes is corrupt (RFC 8878 §3.1.1.3). libzstd's one-shot decoder says so; its streaming
  // decoder takes it for an empty block of any type, and the two would differ on the same input.
  p(
    "decompress/zstd_decompress.c",
    'corruption_detected, "Block Size Exceeds Maximum");',
    'corruption_detected, "Block Size Exceeds Maximum");\n' +
      '            RETURN_ERROR_IF(bp.blockType == bt_compressed && cBlockSize == 0, corruption_detected, "");',
  ),
];

/**
 * @param {string} file
 * @param {string} find
 * @param {string} replace
 * @returns {Patch}
 */
function p(file, find, replace, count = 1) {
  return { file, find, replace, count };
}

/**
 * Applies the patches to sources held in memory; nothing on disk changes.
 * @param {Readonly<Record<string, string>>} sources text by path below `lib/`
 * @param {readonly Patch[]} list
 * @returns {Record<string, string>} patched copies; files without a patch are passed through
 * @throws {Error} naming file and text when a file is missing or the number of matches differs
 */
export function applyPatches(sources, list = patches) {
  const patched = { ...sources };
  for (const { file, find, replace, count } of list) {
    const text = patched[file];
    if (text === undefined) throw new Error(`Cannot patch zstd: there is no file lib/${file}`);
    const parts = text.split(find);
    if (parts.length - 1 !== count) {
      throw new Error(
        `Cannot patch zstd: lib/${file} holds ${parts.length - 1} and not ${count} times this text:\n${find}`,
      );
    }
    patched[file] = parts.join(replace);
  }
  return patched;
}
