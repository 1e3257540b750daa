/* Trains dictionaries in zstd's format: chooses content in the way of FastCover (Liao, Petri, Moffat and Wirth 2016, and
 * zstd's lib/dictBuilder), takes only what occurs in several samples, and writes entropy tables with libzstd's own coders.
 * One instance trains one dictionary: what it allocates is freed with it. src/train/trainer.ts calls the exports in order:
 * configure, begin, mark 8 and 16, write_text, then try for each segment length, then finish. Sizes are below 2^31; a
 * result below 0 is an error. Only integers decide, so that the same samples give the same bytes on every machine. */

#define ZSTD_STATIC_LINKING_ONLY
#define HUF_STATIC_LINKING_ONLY
#define FSE_STATIC_LINKING_ONLY
#include <stdlib.h>
#include <string.h>
#include "lib/zstd.h"
#include "lib/common/bits.h"
#include "lib/common/fse.h"
#include "lib/common/huf.h"
#include "lib/common/xxhash.h"
#include "lib/common/zstd_internal.h"
#include "lib/compress/zstd_compress_internal.h"

#define EXPORT(name) __attribute__((export_name(#name), visibility("default")))

#define ERROR_MEMORY (-64)
#define ERROR_NOTHING_COMMON (-2)
#define ERROR_INTERNAL (-1)

/* Text is scored by the 8 bytes at each place, hashed to 20 bits: zstd's own choice (d = 8, f = 20). */
#define WORD 8
#define HASH_LOG 20
/* What the tries look at, in bytes of samples: enough to tell good segment lengths from bad ones. */
#define TRY_TEXT_SIZE (2u << 20)
#define TRY_STATISTICS_SIZE (1u << 20)
#define TRY_MEASURE_SIZE (1u << 20)
/* What the entropy tables of the dictionary are made of, at most. */
#define STATISTICS_SIZE (4u << 20)
/* Words of a sample that are known to have been counted for it. */
#define SEEN_LOG 12

enum { ROLE_LEARN = 0, ROLE_CHECK = 1, ROLE_HELD_OUT = 2, ROLE_REPEATED = 3 };

/* What is flagged of a place: that the 8 and the 16 bytes from it are common. */
#define COMMON_8 1
#define COMMON_16 2
#define FLAG(length) ((BYTE)((length) == 16 ? COMMON_16 : COMMON_8))

typedef struct {
  U32 start, end;
} Range;

static const BYTE* samples;
/* The different samples to learn from, and behind them those to check with, each in an order of which any beginning is
 * a fair part. */
static Range* ranges;
static U32 learnCount, rangeCount;
/* For each byte of the samples: which lengths from it seem to occur in enough samples, as FLAG has them. */
static BYTE* flags;
static U32 total;
static U32 minSamples;
static int level;
/* What may be in the dictionary; everything else is zero bytes, so that what is left keeps its distances. */
static BYTE* text;
/* Which bytes of the text are of samples: zero bytes may be. */
static BYTE* kept;
static U32 learnTextSize, textSize;
typedef struct {
  U32 score;
  U32 inSegment;
} Word;
static Word* words;
static U32* frequencies;
static ZSTD_CCtx* context;
static BYTE* block;

EXPORT(zstash_malloc) void* zstash_malloc(size_t size) { return malloc(size); }
EXPORT(zstash_free) void zstash_free(void* address) { free(address); }
EXPORT(ZSTD_versionNumber) unsigned zstash_version(void) { return ZSTD_versionNumber(); }

static U32 hashWord(const BYTE* at) { return (U32)((MEM_readLE64(at) * 0xCF1BBCDCB7A56463ULL) >> (64 - HASH_LOG)); }

/* Gives each of `count` samples, which end at `ends`, its role in `roles`. A sample that repeats an earlier one has no
 * part; of the others every tenth is held out, and every fourth of the rest checks what the others teach. Returns how
 * many are different. */
static int assignRoles(const U32* ends, U32 count, BYTE* roles) {
  U32 slots = 16, different = 0, kept = 0, i;
  U32* table;
  while (slots < 2 * count) slots *= 2;
  table = (U32*)calloc(slots, sizeof(U32));
  if (!table) return ERROR_MEMORY;
  for (i = 0; i < count; i++) {
    U32 const start = i ? ends[i - 1] : 0, size = ends[i] - start;
    U32 slot = (U32)XXH64(samples + start, size, 0) & (slots - 1);
    for (; table[slot]; slot = (slot + 1) & (slots - 1)) {
      U32 const other = table[slot] - 1, from = other ? ends[other - 1] : 0;
      if (ends[other] - from == size && !memcmp(samples + from, samples + start, size)) break;
    }
    if (table[slot] || !size) {
      roles[i] = ROLE_REPEATED;
      continue;
    }
    table[slot] = i + 1;
    different++;
    roles[i] = different % 10 == 0 ? ROLE_HELD_OUT : ++kept % 4 == 0 ? ROLE_CHECK : ROLE_LEARN;
  }
  free(table);
  return (int)different;
}

/* Adds the samples of a role: every `step`-th, then every `step`-th from the second, and so on. */
static void addRanges(const U32* ends, U32 count, const BYTE* roles, BYTE role) {
  U32 const step = 1 + total / TRY_TEXT_SIZE;
  U32 first, i;
  for (first = 0; first < step; first++) {
    for (i = first; i < count; i += step) {
      if (roles[i] == role) ranges[rangeCount++] = (Range){i ? ends[i - 1] : 0, ends[i]};
    }
  }
}

/* Takes the samples, which lie behind one another and end at `ends`. Returns how many are different. */
EXPORT(train_begin) int train_begin(const BYTE* bytes, const U32* ends, U32 count, BYTE* roles) {
  int different;
  samples = bytes;
  total = count ? ends[count - 1] : 0;
  different = assignRoles(ends, count, roles);
  ranges = (Range*)malloc((count + 1) * sizeof(Range));
  flags = (BYTE*)calloc(total + 1, 1);
  if (different < 0 || !ranges || !flags) return ERROR_MEMORY;
  addRanges(ends, count, roles, ROLE_LEARN);
  learnCount = rangeCount;
  addRanges(ends, count, roles, ROLE_CHECK);
  return different;
}

EXPORT(train_configure) void train_configure(U32 least, int compressionLevel) {
  minSamples = least;
  level = compressionLevel;
}

static U64 hashLength(const BYTE* at, U32 length) {
  U64 hash = MEM_readLE64(at) * 0x9FB21C651E98DF25ULL;
  if (length == 16) hash = ((hash ^ (hash >> 32)) + MEM_readLE64(at + 8)) * 0xCF1BBCDCB7A56463ULL;
  return hash ^ (hash >> 29);
}

/* Flags the places from which `length` bytes seem to occur in enough samples: counters are found by hash, so that some
 * rare ones share theirs with others. `proveContent` finds these. 16 follow 8, and only where that seems so of both
 * halves. */
EXPORT(train_mark) int train_mark(U32 length) {
  BYTE const bit = FLAG(length), enough = (BYTE)MIN(minSamples, 255);
  U32 log = 16, pass, i;
  U32* const seen = (U32*)calloc(1u << SEEN_LOG, sizeof(U32));
  BYTE* counters;
  if (minSamples <= 1) return free(seen), 0;
  while (log < 25 && 1u << log < 2 * total) log++;
  counters = (BYTE*)calloc((size_t)1 << log, 1);
  for (pass = 0; pass < 2 && seen && counters; pass++) {
    for (i = 0; i < rangeCount; i++) {
      U32 place = ranges[i].start;
      for (; place + length <= ranges[i].end; place++) {
        U64 hash;
        BYTE* counter;
        if (length == 16 && !(flags[place] & flags[place + 8] & COMMON_8)) continue;
        hash = hashLength(samples + place, length);
        counter = counters + (hash >> (64 - log));
        if (pass) {
          if (*counter >= enough) flags[place] |= bit;
        } else {
          /* Once for a sample: what was seen is kept with the sample's number in it. */
          U32 const print = (U32)hash ^ (i + 1) * 0x9E3779B1u;
          U32* const known = seen + (hash >> 20 & ((1u << SEEN_LOG) - 1));
          if (*known == print) continue;
          *known = print;
          if (*counter < enough) ++*counter;
        }
      }
    }
  }
  free(seen);
  free(counters);
  return pass == 2 ? 0 : ERROR_MEMORY;
}

/* Copies the common pieces of `size` bytes, and notes them in `mark` if it is given: a piece begins with 8 common bytes and
 * grows while its last 16 are common, or, as long as it has fewer, its last 8. One byte at least parts it from the next, so
 * that two never make what only one sample has. */
static void writePieces(const BYTE* from, const BYTE* flag, U32 size, BYTE* to, BYTE* mark) {
  U32 place = 0;
  while (place + 8 <= size) {
    U32 end = place + 8;
    if (!(flag[place] & COMMON_8)) {
      place++;
      continue;
    }
    while (end < size && (end - place < 15 ? flag[end - 7] & COMMON_8 : flag[end - 15] & COMMON_16)) end++;
    memcpy(to + place, from + place, end - place);
    if (mark) memset(mark + place, 1, end - place);
    place = end + 1;
  }
}

/* How many samples beyond the first have each word. A word with a blank is no sample's: with a score it would draw the
 * choice to places where much is blank (1.5 % of the ratio of records of 200 shapes, 0.1 to 0.8 % of others). */
static int countText(U32 count) {
  U32* const seen = (U32*)calloc(1u << SEEN_LOG, sizeof(U32));
  U32 sample, i, at = 0;
  if (!seen) return ERROR_MEMORY;
  memset(frequencies, 0, sizeof(U32) << HASH_LOG);
  for (sample = 0; sample < count; sample++) {
    U32 const size = ranges[sample].end - ranges[sample].start;
    U32 run = 0;
    for (i = 0; i < size; i++) {
      U32 const word = i + 1 < WORD ? 0 : hashWord(text + at + i + 1 - WORD), print = word ^ (sample + 1) * 0x9E3779B1u;
      U32* const known = seen + (word & ((1u << SEEN_LOG) - 1));
      run = kept[at + i] ? run + 1 : 0;
      if (run < WORD || *known == print) continue;
      *known = print;
      frequencies[word]++;
    }
    at += size;
  }
  for (i = 0; i < 1u << HASH_LOG; i++) {
    if (frequencies[i]) frequencies[i]--;
  }
  free(seen);
  return 0;
}

/* Makes the text that the dictionary is chosen from, and what the tries need. Returns the bytes that are not blank. */
EXPORT(train_write_text) int train_write_text(void) {
  U32 i, common = 0;
  text = (BYTE*)calloc(total + 8, 1);
  kept = (BYTE*)calloc(total + 8, 1);
  frequencies = (U32*)malloc(sizeof(U32) << HASH_LOG);
  words = (Word*)malloc(sizeof(Word) << HASH_LOG);
  context = ZSTD_createCCtx();
  block = (BYTE*)malloc(ZSTD_COMPRESSBOUND(ZSTD_BLOCKSIZE_MAX));
  if (!text || !kept || !frequencies || !words || !context || !block) return ERROR_MEMORY;
  for (i = 0; i < rangeCount; i++) {
    U32 const start = ranges[i].start, size = ranges[i].end - start;
    if (minSamples <= 1) {
      memcpy(text + textSize, samples + start, size);
      memset(kept + textSize, 1, size);
    } else {
      writePieces(samples + start, flags + start, size, text + textSize, kept + textSize);
    }
    textSize += size;
    if (i + 1 == learnCount) learnTextSize = textSize;
  }
  free(flags);
  for (i = 0; i < textSize; i++) common += kept[i];
  return countText(learnCount) ? ERROR_MEMORY : (int)common;
}

typedef struct {
  U32 begin, end, score;
} Segment;

/* The best segment whose words begin in `[begin, end)`: `count` words, each counted once. */
static Segment bestSegment(U32 begin, U32 end, U32 count) {
  Segment best = {0, 0, 0}, active = {begin, begin, 0};
  while (active.end < end) {
    Word* const word = words + hashWord(text + active.end++);
    if (!word->inSegment++) active.score += word->score;
    if (active.end - active.begin > count) {
      Word* const gone = words + hashWord(text + active.begin++);
      if (!--gone->inSegment) active.score -= gone->score;
    }
    if (active.score > best.score) best = active;
  }
  for (; active.begin < end; active.begin++) words[hashWord(text + active.begin)].inSegment = 0;
  return best;
}

/* Chooses segments of `length` bytes, the best of each part of the text in turn: a word that is chosen counts no more.
 * The content is filled from its end. Returns its size, or 0. */
static U32 choose(U32 size, U32 length, BYTE* content, U32 capacity) {
  U32 const wordsInText = size < WORD ? 0 : size - WORD + 1, least = MIN(10 * length, wordsInText);
  U32 epochs = MAX(1, capacity / length), epochSize = wordsInText / epochs, epoch = 0, misses = 0, missesMax;
  U32 left = capacity, i;
  if (!wordsInText) return 0;
  if (epochSize < least) epochs = wordsInText / (epochSize = least);
  missesMax = MAX(10, MIN(100, epochs >> 3));
  for (i = 0; i < 1u << HASH_LOG; i++) words[i] = (Word){frequencies[i], 0};
  for (; left >= WORD; epoch = (epoch + 1) % epochs) {
    Segment segment = bestSegment(epoch * epochSize, (epoch + 1) * epochSize, length - WORD + 1);
    U32 taken;
    if (!segment.score) {
      if (++misses >= missesMax) break;
      continue;
    }
    misses = 0;
    /* What has no score at its front leaves room for other segments, for 0.2 to 1 % (its last word has one). With blanks
     * that loses up to 1 % on four sets of five. */
    if (minSamples <= 1) {
      while (!words[hashWord(text + segment.begin)].score) segment.begin++;
    }
    for (i = segment.begin; i < segment.end; i++) words[hashWord(text + i)].score = 0;
    taken = MIN(segment.end - segment.begin + WORD - 1, left);
    left -= taken;
    memcpy(content + left, text + segment.begin, taken);
  }
  memmove(content, content + left, capacity - left);
  return capacity - left;
}

/* A bit for each window that is looked for, by hash: what is not there is found out within the cache. */
static BYTE wantedBits[1 << 16];

/* A window of the content: where it is, plus 1, and in how many samples it occurs, as far as known. */
typedef struct {
  U32 place, print, sample, count;
} Window;

/* Flags the places of the content from which `length` bytes occur in enough of the first `count` samples, byte for byte.
 * What has its flag is not looked for. */
static int proveLength(const BYTE* content, U32 size, BYTE* flag, U32 length, U32 count) {
  BYTE const bit = FLAG(length);
  U32 slots = 1024, wanted = 0, mask, i;
  Window* windows;
  for (i = 0; i + length <= size; i++) wanted += !(flag[i] & bit);
  while (slots < 4 * wanted) slots *= 2;
  mask = slots - 1;
  windows = (Window*)calloc(slots, sizeof(Window));
  if (!windows) return ERROR_MEMORY;
  memset(wantedBits, 0, sizeof wantedBits);
  for (i = 0; i + length <= size; i++) {
    U64 const hash = hashLength(content + i, length);
    U32 slot = (U32)hash & mask;
    if (flag[i] & bit) continue;
    wantedBits[hash >> 48] |= (BYTE)(1 << (hash >> 45 & 7));
    while (windows[slot].place && memcmp(content + windows[slot].place - 1, content + i, length)) slot = (slot + 1) & mask;
    if (!windows[slot].place) windows[slot] = (Window){i + 1, (U32)(hash >> 32), 0, 0};
  }
  for (i = 0; i < count; i++) {
    U32 place = ranges[i].start;
    for (; place + length <= ranges[i].end; place++) {
      U64 const hash = hashLength(samples + place, length);
      U32 slot = (U32)hash & mask;
      if (!(wantedBits[hash >> 48] >> (hash >> 45 & 7) & 1)) continue;
      for (; windows[slot].place; slot = (slot + 1) & mask) {
        Window* const window = windows + slot;
        if (window->print != (U32)(hash >> 32)) continue;
        /* Another window of the same print would be counted too low, never too high. */
        if (window->sample == i + 1 || window->count >= minSamples) break;
        if (memcmp(content + window->place - 1, samples + place, length)) continue;
        window->sample = i + 1;
        window->count++;
        break;
      }
    }
  }
  for (i = 0; i + length <= size; i++) {
    U32 slot = (U32)hashLength(content + i, length) & mask;
    if (flag[i] & bit) continue;
    while (memcmp(content + windows[slot].place - 1, content + i, length)) slot = (slot + 1) & mask;
    if (windows[slot].count >= minSamples) flag[i] |= bit;
  }
  free(windows);
  return 0;
}

/* Blanks what `mark` took for common and is not, and what arose where two segments meet: then every 8 bytes of the
 * content that hold no blank occur in enough samples, and so do every 16. An eighth of the samples proves nearly all, and
 * few windows are left to look for in the rest. */
static int proveContent(BYTE* content, U32 size) {
  BYTE* const flag = (BYTE*)calloc(size + 1, 1);
  BYTE* const proven = (BYTE*)calloc(size + 1, 1);
  int result = flag && proven ? 0 : ERROR_MEMORY;
  U32 length;
  for (length = 8; length <= 16 && !result; length += 8) {
    result = proveLength(content, size, flag, length, rangeCount / 8);
    if (!result) result = proveLength(content, size, flag, length, rangeCount);
  }
  if (!result) {
    writePieces(content, flag, size, proven, NULL);
    memcpy(content, proven, size);
  }
  free(flag);
  free(proven);
  return result;
}

typedef struct {
  unsigned literals[256], offsets[MaxOff + 1], matchLengths[MaxML + 1], literalLengths[MaxLL + 1];
} Statistics;

static void setOnes(unsigned* counts, U32 size) {
  while (size) counts[--size] = 1;
}

/* What libzstd's coders will have to code: the literals and sequences of the first ranges, up to `limit` bytes of them,
 * each compressed as a block behind the content. Every symbol counts once at least, or no table could code it. */
static int countStatistics(Statistics* statistics, const BYTE* content, size_t size, U32 count, U32 limit) {
  ZSTD_compressionParameters const parameters = ZSTD_getCParams(level, textSize / rangeCount, size);
  ZSTD_CDict* const digested =
      ZSTD_createCDict_advanced(content, size, ZSTD_dlm_byRef, ZSTD_dct_rawContent, parameters, ZSTD_defaultCMem);
  size_t const blockMax = MIN((size_t)ZSTD_BLOCKSIZE_MAX, (size_t)1 << parameters.windowLog);
  U32 seen = 0, i, at;
  if (!digested) return ERROR_MEMORY;
  setOnes(statistics->literals, 256);
  setOnes(statistics->offsets, MaxOff + 1);
  setOnes(statistics->matchLengths, MaxML + 1);
  setOnes(statistics->literalLengths, MaxLL + 1);
  for (i = 0; i < count && seen < limit; i++) {
    size_t const length = MIN(ranges[i].end - ranges[i].start, blockMax);
    size_t written = ZSTD_compressBegin_usingCDict_deprecated(context, digested);
    const SeqStore_t* store;
    const BYTE* literal;
    U32 sequences;
    seen += (U32)length;
    if (ZSTD_isError(written)) break;
    written = ZSTD_compressBlock_deprecated(context, block, ZSTD_BLOCKSIZE_MAX, samples + ranges[i].start, length);
    if (ZSTD_isError(written) || !written) continue;
    store = ZSTD_getSeqStore(context);
    for (literal = store->litStart; literal < store->lit; literal++) statistics->literals[*literal]++;
    sequences = (U32)(store->sequences - store->sequencesStart);
    ZSTD_seqToCodes(store);
    for (at = 0; at < sequences; at++) {
      statistics->offsets[store->ofCode[at]]++;
      statistics->matchLengths[store->mlCode[at]]++;
      statistics->literalLengths[store->llCode[at]]++;
    }
  }
  ZSTD_freeCDict(digested);
  return 0;
}

/* A Huffman table of 8 bits for each symbol cannot be written: three symbols make it a little less even. */
static void makeUneven(unsigned* counts) {
  U32 i;
  for (i = 0; i < 256; i++) counts[i] = 2;
  counts[0] = 4;
  counts[253] = counts[254] = 1;
}

static size_t writeLiterals(BYTE* to, size_t capacity, unsigned* counts) {
  static U32 workspace[HUF_CTABLE_WORKSPACE_SIZE_U32 + 512];
  HUF_CREATE_STATIC_CTABLE(table, 255);
  size_t bits = HUF_buildCTable_wksp(table, counts, 255, LitHufLog, workspace, sizeof workspace);
  if (bits == 8) {
    makeUneven(counts);
    bits = HUF_buildCTable_wksp(table, counts, 255, LitHufLog, workspace, sizeof workspace);
  }
  if (ZSTD_isError(bits)) return bits;
  return HUF_writeCTable_wksp(to, capacity, table, 255, (U32)bits, workspace, sizeof workspace);
}

static size_t writeCodes(BYTE* to, size_t capacity, const unsigned* counts, U32 most, U32 log) {
  S16 normalised[MaxML + 1];
  U32 sum = 0, i;
  size_t bits;
  for (i = 0; i <= most; i++) sum += counts[i];
  bits = FSE_normalizeCount(normalised, log, counts, sum, most, 1);
  return ZSTD_isError(bits) ? bits : FSE_writeNCount(to, capacity, normalised, most, (U32)bits);
}

/* The bytes that a dictionary's tables may take: RFC 8878 bounds them at 128 + 3 tables of at most 130. */
#define TABLES_MAX 600

/* Writes magic number, no id yet, tables, offsets and content. Returns its size. */
static int writeDictionary(BYTE* to, size_t capacity, const BYTE* content, size_t size, Statistics* statistics) {
  static BYTE tables[TABLES_MAX];
  U32 const offsetMax = MIN(MaxOff, ZSTD_highbit32((U32)size + ZSTD_BLOCKSIZE_MAX));
  size_t at = 8, part;
  MEM_writeLE32(tables, ZSTD_MAGIC_DICTIONARY);
  MEM_writeLE32(tables + 4, 0);
  for (part = 0; part < 4; part++) {
    BYTE* const place = tables + at;
    size_t const room = TABLES_MAX - at;
    size_t const written = part == 0 ? writeLiterals(place, room, statistics->literals)
                           : part == 1 ? writeCodes(place, room, statistics->offsets, offsetMax, OffFSELog)
                           : part == 2 ? writeCodes(place, room, statistics->matchLengths, MaxML, MLFSELog)
                                       : writeCodes(place, room, statistics->literalLengths, MaxLL, LLFSELog);
    if (ZSTD_isError(written)) return ERROR_INTERNAL;
    at += written;
  }
  /* The offsets that a frame begins with: zstd's own (RFC 8878 section 3.1.1.5). */
  for (part = 0; part < 3; part++, at += 4) MEM_writeLE32(tables + at, part == 0 ? 1 : part == 1 ? 4 : 8);
  if (at + WORD > capacity) return ERROR_INTERNAL;
  /* The last bytes are the nearest, so that what does not fit goes from the front. */
  if (at + size > capacity) {
    content += at + size - capacity;
    size = capacity - at;
  }
  memmove(to + at, content, size);
  memcpy(to, tables, at);
  return (int)(at + size);
}

/* Room that is left for the tables while the content is chosen; they take 130 to 200 bytes. */
#define TABLES_USUAL 160

/* Compressed bytes of the samples to check with, with the dictionary. */
static int measure(const BYTE* dictionary, size_t size) {
  ZSTD_CDict* const digested = ZSTD_createCDict(dictionary, size, level);
  U32 seen = 0, i, sum = 0;
  if (!digested) return ERROR_MEMORY;
  for (i = learnCount; i < rangeCount && seen < TRY_MEASURE_SIZE; i++) {
    size_t const length = MIN(ranges[i].end - ranges[i].start, ZSTD_BLOCKSIZE_MAX);
    size_t const written = ZSTD_compress_usingCDict(context, block, ZSTD_COMPRESSBOUND(ZSTD_BLOCKSIZE_MAX),
                                                    samples + ranges[i].start, length, digested);
    seen += (U32)length;
    if (ZSTD_isError(written)) return ZSTD_freeCDict(digested), ERROR_MEMORY;
    sum += (U32)written;
  }
  ZSTD_freeCDict(digested);
  return (int)sum;
}

/* Makes a dictionary of segments of `length` bytes from the samples to learn from. Returns how many bytes it makes of
 * those to check with. `to` has room for `capacity` bytes. */
EXPORT(train_try) int train_try(U32 length, BYTE* to, U32 capacity) {
  Statistics statistics;
  U32 const size = choose(MIN(learnTextSize, TRY_TEXT_SIZE), length, to, capacity - TABLES_USUAL);
  int result = size < WORD ? ERROR_NOTHING_COMMON : countStatistics(&statistics, to, size, learnCount, TRY_STATISTICS_SIZE);
  if (!result) result = writeDictionary(to, capacity, to, size, &statistics);
  return result < 0 ? result : measure(to, (size_t)result);
}

/* The tables of the fast levels hold every third place of the content: which, is worth up to 3 % of the compressed size. */
#define PHASES 3

/* Makes the dictionary, of segments of `length` bytes, from all samples but those held out. Returns its size. */
EXPORT(train_finish) int train_finish(U32 length, BYTE* to, U32 capacity) {
  Statistics statistics;
  BYTE* content = (BYTE*)malloc(capacity);
  U32 size, phase, best = 0;
  int result = content ? countText(rangeCount) : ERROR_MEMORY, least = 0;
  if (result) return result;
  size = choose(textSize, length, content, capacity - TABLES_USUAL);
  if (minSamples > 1) result = proveContent(content, size);
  for (; size && !*content; content++) size--;
  if (result || size < WORD + PHASES) return result ? result : ERROR_NOTHING_COMMON;
  result = countStatistics(&statistics, content, size, rangeCount, STATISTICS_SIZE);
  for (phase = 0; phase < PHASES && result >= 0; phase++) {
    result = writeDictionary(to, capacity, content + phase, size - phase, &statistics);
    if (result > 0) result = measure(to, (size_t)result);
    if (result > 0 && (!phase || result < least)) least = result, best = phase;
  }
  return result < 0 ? result : writeDictionary(to, capacity, content + best, size - best, &statistics);
}
