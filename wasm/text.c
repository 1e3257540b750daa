/* UTF-16 to UTF-8 and back, four to sixteen characters at a time, for src/engine/wide-text.ts: the coders of older
 * versions of V8 take a character at a time where strings have characters above U+00FF.
 * The tables of shuffles are computed at first use: as data they would be 20 KB. */

#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name), visibility("default")))

/* Bytes that a vector is written past the end of what counts. Whoever calls leaves as much room. */
#define OVERSHOOT 32

#define REPLACEMENT 0xFFFD

/* Keeps a constant in a register or on the stack: V8 makes one out of immediates at each use, in five instructions. */
static inline v128_t held(v128_t constant) {
  __asm__("" : "+r"(constant));
  return constant;
}

/* Eight units of one or two bytes: the bits say which are ASCII. */
static uint8_t narrowShuffles[256][16];
/* Four units of one to three bytes in 32 bits each: the low bits say which are ASCII, the high which are below 0x800. */
static uint8_t wideShuffles[256][16];
static uint8_t wideSizes[256];
static int encodes;

static void makeEncodingTables(void) {
  for (int mask = 0; mask < 256; mask++) {
    uint8_t* const narrow = narrowShuffles[mask];
    uint8_t* const wide = wideShuffles[mask];
    int size = 0;
    for (int unit = 0; unit < 8; unit++) {
      narrow[size++] = (uint8_t)(2 * unit);
      if (!(mask >> unit & 1)) narrow[size++] = (uint8_t)(2 * unit + 1);
    }
    size = 0;
    for (int unit = 0; unit < 4; unit++) {
      int const count = mask >> unit & 1 ? 1 : mask >> (unit + 4) & 1 ? 2 : 3;
      for (int byte = 0; byte < count; byte++) wide[size++] = (uint8_t)(4 * unit + byte);
    }
    wideSizes[mask] = (uint8_t)size;
  }
  encodes = 1;
}

typedef struct {
  v128_t last, middle, ascii, two, twoLead, threeLead;
} Constants;

/* Four units in 32 bits each. Returns where the next byte goes. */
static inline uint8_t* encodeFour(v128_t units, uint8_t* to, const Constants* constants) {
  v128_t const last = wasm_v128_and(units, constants->last);
  v128_t const middle = wasm_v128_and(units, constants->middle);
  v128_t const isAscii = wasm_i32x4_lt(units, constants->ascii);
  v128_t const isShort = wasm_i32x4_lt(units, constants->two);
  v128_t const two = wasm_v128_or(wasm_v128_or(wasm_u32x4_shr(units, 6), wasm_i32x4_shl(last, 8)), constants->twoLead);
  v128_t const three =
      wasm_v128_or(wasm_v128_or(wasm_u32x4_shr(units, 12), wasm_i32x4_shl(middle, 2)),
                   wasm_v128_or(wasm_i32x4_shl(last, 16), constants->threeLead));
  v128_t const bytes = wasm_v128_bitselect(units, wasm_v128_bitselect(two, three, isShort), isAscii);
  int const mask = (int)(wasm_i32x4_bitmask(isAscii) | wasm_i32x4_bitmask(isShort) << 4);
  wasm_v128_store(to, wasm_i8x16_swizzle(bytes, wasm_v128_load(wideShuffles[mask])));
  return to + wideSizes[mask];
}

/* Writes `units` code units as UTF-8, lone surrogates as U+FFFD, and returns the end of it. Three bytes for each unit and
 * OVERSHOOT have to be there. */
EXPORT(zstash_utf16_to_utf8) uint8_t* zstash_utf16_to_utf8(uint8_t* to, const uint16_t* from, uint32_t units) {
  const uint16_t* const end = from + units;
  v128_t const aboveAscii = held(wasm_i16x8_const_splat((int16_t)0xFF80));
  v128_t const aboveTwo = held(wasm_i16x8_const_splat((int16_t)0xF800));
  v128_t const surrogate = held(wasm_i16x8_const_splat((int16_t)0xD800));
  v128_t const ascii = held(wasm_i16x8_const_splat(0x80));
  v128_t const last = held(wasm_i16x8_const_splat(0x3F));
  v128_t const lead = held(wasm_i16x8_const_splat((int16_t)0x80C0));
  Constants const constants = {
      held(wasm_i32x4_const_splat(0x3F)),  held(wasm_i32x4_const_splat(0xFC0)),  held(wasm_i32x4_const_splat(0x80)),
      held(wasm_i32x4_const_splat(0x800)), held(wasm_i32x4_const_splat(0x80C0)), held(wasm_i32x4_const_splat(0x8080E0)),
  };
  if (!encodes) makeEncodingTables();
  while (from < end) {
    const uint16_t* stop = end;
    if (end - from >= 8) {
      v128_t const first = wasm_v128_load(from);
      if (end - from >= 16) {
        v128_t const second = wasm_v128_load(from + 8);
        if (!wasm_v128_any_true(wasm_v128_and(wasm_v128_or(first, second), aboveAscii))) {
          wasm_v128_store(to, wasm_u8x16_narrow_i16x8(first, second));
          from += 16;
          to += 16;
          continue;
        }
      }
      if (!wasm_v128_any_true(wasm_v128_and(first, aboveTwo))) {
        v128_t const isAscii = wasm_i16x8_lt(first, ascii);
        int const mask = (int)wasm_i16x8_bitmask(isAscii);
        v128_t const two = wasm_v128_or(
            wasm_v128_or(wasm_u16x8_shr(first, 6),
                         wasm_i16x8_shl(wasm_v128_and(first, last), 8)),
            lead);
        wasm_v128_store(to, wasm_i8x16_swizzle(wasm_v128_bitselect(first, two, isAscii),
                                               wasm_v128_load(narrowShuffles[mask])));
        from += 8;
        to += 16 - __builtin_popcount((unsigned)mask);
        continue;
      }
      if (!wasm_v128_any_true(wasm_i16x8_eq(wasm_v128_and(first, aboveTwo), surrogate))) {
        to = encodeFour(wasm_u32x4_extend_low_u16x8(first), to, &constants);
        to = encodeFour(wasm_u32x4_extend_high_u16x8(first), to, &constants);
        from += 8;
        continue;
      }
      stop = from + 8;
    }
    /* The last units, and those around surrogates. */
    while (from < stop) {
      uint32_t unit = *from++;
      if ((unit & 0xF800) == 0xD800) {
        if (unit < 0xDC00 && from < end && (*from & 0xFC00) == 0xDC00) {
          unit = 0x10000 + ((unit & 0x3FF) << 10 | (*from++ & 0x3FF));
          *to++ = (uint8_t)(0xF0 | unit >> 18);
          *to++ = (uint8_t)(0x80 | (unit >> 12 & 0x3F));
          *to++ = (uint8_t)(0x80 | (unit >> 6 & 0x3F));
          *to++ = (uint8_t)(0x80 | (unit & 0x3F));
          continue;
        }
        unit = REPLACEMENT;
      }
      if (unit < 0x80) {
        *to++ = (uint8_t)unit;
      } else if (unit < 0x800) {
        *to++ = (uint8_t)(0xC0 | unit >> 6);
        *to++ = (uint8_t)(0x80 | (unit & 0x3F));
      } else {
        *to++ = (uint8_t)(0xE0 | unit >> 12);
        *to++ = (uint8_t)(0x80 | (unit >> 6 & 0x3F));
        *to++ = (uint8_t)(0x80 | (unit & 0x3F));
      }
    }
  }
  return to;
}

/* UTF-8 is checked by pairs of bytes (Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte"):
 * three looked-up sets of errors that meet are one. */
#define TOO_SHORT 1
#define TOO_LONG 2
#define OVERLONG_3 4
#define TOO_LARGE 8
#define SURROGATE 16
#define OVERLONG_2 32
#define TOO_LARGE_1000 64
#define OVERLONG_4 64
#define TWO_CONTINUATIONS 128
#define CARRY (TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS)

typedef struct {
  v128_t highOfFirst, lowOfFirst, highOfSecond, low, third, fourth, high;
} Checks;

static inline v128_t errorsOf(v128_t bytes, v128_t before, const Checks* checks) {
  v128_t const previous = wasm_i8x16_shuffle(before, bytes, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  v128_t const second = wasm_i8x16_shuffle(before, bytes, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  v128_t const third = wasm_i8x16_shuffle(before, bytes, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28);
  v128_t const pairs = wasm_v128_and(
      wasm_v128_and(wasm_i8x16_swizzle(checks->highOfFirst, wasm_u8x16_shr(previous, 4)),
                    wasm_i8x16_swizzle(checks->lowOfFirst, wasm_v128_and(previous, checks->low))),
      wasm_i8x16_swizzle(checks->highOfSecond, wasm_u8x16_shr(bytes, 4)));
  /* The second continuation of three bytes, the second and the third of four. */
  v128_t const due = wasm_v128_or(wasm_u8x16_sub_sat(second, checks->third),
                                  wasm_u8x16_sub_sat(third, checks->fourth));
  return wasm_v128_xor(wasm_v128_and(due, checks->high), pairs);
}

typedef enum { NOT_UTF8, ASCII, UTF8 } Kind;

static Kind kindOf(const uint8_t* from, uint32_t size) {
  v128_t const highOfFirst = held(wasm_u8x16_const(
      TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TWO_CONTINUATIONS,
      TWO_CONTINUATIONS, TWO_CONTINUATIONS, TWO_CONTINUATIONS, TOO_SHORT | OVERLONG_2, TOO_SHORT,
      TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4));
  v128_t const lowOfFirst = held(wasm_u8x16_const(
      CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4, CARRY | OVERLONG_2, CARRY, CARRY, CARRY | TOO_LARGE,
      CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
      CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
      CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
      CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE, CARRY | TOO_LARGE | TOO_LARGE_1000,
      CARRY | TOO_LARGE | TOO_LARGE_1000));
  v128_t const highOfSecond = held(wasm_u8x16_const(
      TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
      TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
      TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE,
      TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE,
      TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT));
  Checks const checks = {
      highOfFirst,
      lowOfFirst,
      highOfSecond,
      held(wasm_i8x16_const_splat(0x0F)),
      held(wasm_i8x16_const_splat(0xE0 - 0x80)),
      held(wasm_i8x16_const_splat(0xF0 - 0x80)),
      held(wasm_i8x16_const_splat((int8_t)0x80)),
  };
  v128_t errors = wasm_i8x16_const_splat(0);
  v128_t before = errors;
  v128_t all = errors;
  const uint8_t* const end = from + size;
  while (end - from >= 16) {
    v128_t const bytes = wasm_v128_load(from);
    if (end - from >= 64 && !wasm_i8x16_bitmask(before)) {
      v128_t const block = wasm_v128_or(wasm_v128_or(bytes, wasm_v128_load(from + 16)),
                                        wasm_v128_or(wasm_v128_load(from + 32), wasm_v128_load(from + 48)));
      if (!wasm_i8x16_bitmask(block)) {
        from += 64;
        continue;
      }
    }
    errors = wasm_v128_or(errors, errorsOf(bytes, before, &checks));
    all = wasm_v128_or(all, bytes);
    before = bytes;
    from += 16;
  }
  /* Zeros are ASCII: they end what is cut off. There is at least one. */
  uint8_t rest[16] = {0};
  __builtin_memcpy(rest, from, (size_t)(end - from));
  v128_t const bytes = wasm_v128_load(rest);
  errors = wasm_v128_or(errors, errorsOf(bytes, before, &checks));
  if (wasm_v128_any_true(errors)) return NOT_UTF8;
  return wasm_i8x16_bitmask(wasm_v128_or(all, bytes)) ? UTF8 : ASCII;
}

/* By the ends of characters in twelve bytes: which shuffle, and how many bytes it takes, in the high byte. */
static uint16_t decodings[4096];
/* 64 for six characters of one or two bytes, 81 for four of one to three. */
static uint8_t decodingShuffles[64 + 81][16];
#define FOUR_BYTES 0xFF
static int decodes;

static void makeDecodingTables(void) {
  for (int mask = 0; mask < 4096; mask++) {
    int sizes[6];
    int count = 0;
    int start = 0;
    for (int bit = 0; bit < 12 && count < 6; bit++) {
      if (mask >> bit & 1) {
        sizes[count++] = bit + 1 - start;
        start = bit + 1;
      }
    }
    int widest = 0;
    for (int at = 0; at < count && at < 4; at++) widest = sizes[at] > widest ? sizes[at] : widest;
    int const isNarrow = count == 6 && widest < 3 && sizes[4] < 3 && sizes[5] < 3;
    if (!isNarrow && (count < 4 || widest > 3)) {
      decodings[mask] = FOUR_BYTES;
      continue;
    }
    int shuffle = isNarrow ? 0 : 64;
    int weight = 1;
    int taken = 0;
    for (int at = 0; at < (isNarrow ? 6 : 4); at++) {
      shuffle += (sizes[at] - 1) * weight;
      weight *= isNarrow ? 2 : 3;
      taken += sizes[at];
    }
    decodings[mask] = (uint16_t)(shuffle | taken << 8);
    uint8_t* const lanes = decodingShuffles[shuffle];
    int const width = isNarrow ? 2 : 4;
    int at = 0;
    for (int lane = 0; lane < 16 / width; lane++) {
      int const size = lane < (isNarrow ? 6 : 4) ? sizes[lane] : 0;
      /* The last byte of a character is the low one; 0x80 gives zero. */
      for (int byte = 0; byte < width; byte++)
        lanes[lane * width + byte] = byte < size ? (uint8_t)(at + size - 1 - byte) : 0x80;
      at += size;
    }
  }
  decodes = 1;
}

/* One character of valid UTF-8. */
static inline const uint8_t* decodeOne(const uint8_t* from, uint16_t** to) {
  uint32_t const lead = *from;
  if (lead < 0x80) {
    *(*to)++ = (uint16_t)lead;
    return from + 1;
  }
  if (lead < 0xE0) {
    *(*to)++ = (uint16_t)((lead & 0x1F) << 6 | (from[1] & 0x3F));
    return from + 2;
  }
  if (lead < 0xF0) {
    *(*to)++ = (uint16_t)((lead & 0xF) << 12 | (from[1] & 0x3F) << 6 | (from[2] & 0x3F));
    return from + 3;
  }
  uint32_t const point = ((lead & 7) << 18 | (from[1] & 0x3F) << 12 | (from[2] & 0x3F) << 6 | (from[3] & 0x3F)) - 0x10000;
  *(*to)++ = (uint16_t)(0xD800 | point >> 10);
  *(*to)++ = (uint16_t)(0xDC00 | (point & 0x3FF));
  return from + 4;
}

static inline void widen(v128_t bytes, uint16_t* to) {
  wasm_v128_store(to, wasm_u16x8_extend_low_u8x16(bytes));
  wasm_v128_store(to + 8, wasm_u16x8_extend_high_u8x16(bytes));
}

static inline uint64_t continuations(v128_t bytes, v128_t lead) {
  return (uint64_t)wasm_i8x16_bitmask(wasm_i8x16_lt(bytes, lead));
}

/* Writes UTF-8 as UTF-16 and returns the end of it: NULL where it is not UTF-8, and `to` where it is ASCII, of which
 * nothing is written. Two bytes for each byte and OVERSHOOT have to be there. */
EXPORT(zstash_utf8_to_utf16) uint16_t* zstash_utf8_to_utf16(uint16_t* to, const uint8_t* bytes, uint32_t size) {
  const uint8_t* from = bytes;
  const uint8_t* const end = bytes + size;
  v128_t const lead = held(wasm_i8x16_const_splat((int8_t)0xC0));
  v128_t const ascii = held(wasm_i16x8_const_splat(0x7F));
  v128_t const two = held(wasm_i16x8_const_splat(0x1F00));
  v128_t const last = held(wasm_i32x4_const_splat(0x7F));
  v128_t const middle = held(wasm_i32x4_const_splat(0x3F00));
  v128_t const first = held(wasm_i32x4_const_splat(0x0F0000));
  Kind const kind = kindOf(bytes, size);
  if (kind != UTF8) return kind == ASCII ? to : 0;
  if (!decodes) makeDecodingTables();
  while (end - from >= 64) {
    v128_t const a = wasm_v128_load(from);
    v128_t const b = wasm_v128_load(from + 16);
    v128_t const c = wasm_v128_load(from + 32);
    v128_t const d = wasm_v128_load(from + 48);
    if (!wasm_i8x16_bitmask(wasm_v128_or(wasm_v128_or(a, b), wasm_v128_or(c, d)))) {
      widen(a, to);
      widen(b, to + 16);
      widen(c, to + 32);
      widen(d, to + 48);
      from += 64;
      to += 64;
      continue;
    }
    /* Bit n says that byte n is the last of a character: the next is no continuation. */
    uint64_t ends = ~((continuations(a, lead) | continuations(b, lead) << 16 | continuations(c, lead) << 32 |
                       continuations(d, lead) << 48) >> 1);
    /* What byte 63 is shows only in the next block. */
    const uint8_t* const stop = from + 63 - 16;
    while (from <= stop) {
      v128_t const next = wasm_v128_load(from);
      if ((ends & 0xFFFF) == 0xFFFF) {
        widen(next, to);
        from += 16;
        to += 16;
        ends >>= 16;
        continue;
      }
      unsigned const decoding = decodings[ends & 0xFFF];
      unsigned const shuffle = decoding & 0xFF;
      if (shuffle == FOUR_BYTES) {
        const uint8_t* const start = from;
        from = decodeOne(from, &to);
        ends >>= from - start;
        continue;
      }
      v128_t const lanes = wasm_i8x16_swizzle(next, wasm_v128_load(decodingShuffles[shuffle]));
      v128_t units;
      if (shuffle < 64) {
        units = wasm_v128_or(wasm_v128_and(lanes, ascii),
                             wasm_u16x8_shr(wasm_v128_and(lanes, two), 2));
        wasm_v128_store(to, units);
        to += 6;
      } else {
        units = wasm_v128_or(wasm_v128_or(wasm_v128_and(lanes, last),
                                          wasm_u32x4_shr(wasm_v128_and(lanes, middle), 2)),
                             wasm_u32x4_shr(wasm_v128_and(lanes, first), 4));
        wasm_v128_store(to, wasm_u16x8_narrow_i32x4(units, units));
        to += 4;
      }
      from += decoding >> 8;
      ends >>= decoding >> 8;
    }
  }
  while (from < end) from = decodeOne(from, &to);
  return to;
}
