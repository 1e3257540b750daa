/** XXH3 with 64 bits, the default secret and no seed: the result of DIGEST (xxHash 0.8, doc/xxhash_spec.md). */

const MASK = 0xffff_ffff_ffff_ffffn;
const PRIME32_1 = 0x9e3779b1n;
const PRIME32_2 = 0x85ebca77n;
const PRIME32_3 = 0xc2b2ae3dn;
const PRIME64_1 = 0x9e3779b185ebca87n;
const PRIME64_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME64_3 = 0x165667b19e3779f9n;
const PRIME64_4 = 0x85ebca77c2b2ae63n;
const PRIME64_5 = 0x27d4eb2f165667c5n;
const PRIME_MX1 = 0x165667919e3779f9n;
const PRIME_MX2 = 0x9fb21c651e98df25n;

const SECRET = new Uint8Array(
  (
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248e" +
    "e03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a" +
    "51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8f" +
    "f8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
  )
    .match(/../g)!
    .map((digits) => Number.parseInt(digits, 16)),
);
const SECRET_VIEW = new DataView(SECRET.buffer);

/** Bytes of a stripe, which all eight lanes process together, and of the step in the secret between two stripes. */
const STRIPE = 64;
const SECRET_STEP = 8;
const LANES = 8;
/** Stripes after which the lanes are scrambled. */
const STRIPES_PER_BLOCK = (SECRET.length - STRIPE) / SECRET_STEP;

/** The hash in 16 hexadecimal digits. */
export function xxh3(bytes: Uint8Array): string {
  const input = new Input(bytes);
  const { size } = input;
  const hash =
    size <= 16
      ? hashTo16(input)
      : size <= 128
        ? hashTo128(input)
        : size <= 240
          ? hashTo240(input)
          : hashLong(input);
  return hash.toString(16).padStart(16, "0");
}

/** Reads little-endian numbers of the input. */
class Input {
  readonly view: DataView;
  readonly size: number;

  constructor({ buffer, byteOffset, length }: Uint8Array) {
    this.view = new DataView(buffer, byteOffset, length);
    this.size = length;
  }

  u32(at: number): bigint {
    return BigInt(this.view.getUint32(at, true));
  }

  u64(at: number): bigint {
    return this.view.getBigUint64(at, true);
  }
}

const secret = (at: number): bigint => SECRET_VIEW.getBigUint64(at, true);

function hashTo16(input: Input): bigint {
  const { size, view } = input;
  if (size > 8) {
    const low = input.u64(0) ^ secret(24) ^ secret(32);
    const high = input.u64(size - 8) ^ secret(40) ^ secret(48);
    return avalanche((BigInt(size) + swap(low) + high + fold(low, high)) & MASK);
  }
  if (size >= 4) {
    const keyed = (input.u32(size - 4) + (input.u32(0) << 32n)) ^ secret(8) ^ secret(16);
    const mixed = ((keyed ^ rotate(keyed, 49n) ^ rotate(keyed, 24n)) * PRIME_MX2) & MASK;
    const again = ((mixed ^ ((mixed >> 35n) + BigInt(size))) * PRIME_MX2) & MASK;
    return again ^ (again >> 28n);
  }
  if (size > 0) {
    const [first, middle, last] = [view.getUint8(0), view.getUint8(size >> 1), view.getUint8(size - 1)];
    const combined = ((first << 16) | (middle << 24) | last | (size << 8)) >>> 0;
    const key = BigInt((SECRET_VIEW.getUint32(0, true) ^ SECRET_VIEW.getUint32(4, true)) >>> 0);
    return avalanche64(BigInt(combined) ^ key);
  }
  return avalanche64(secret(56) ^ secret(64));
}

function hashTo128(input: Input): bigint {
  const { size } = input;
  let hash = (BigInt(size) * PRIME64_1) & MASK;
  for (let pair = Math.ceil(size / 32) - 1; pair >= 0; pair--) {
    hash += mix16(input, pair * 16, pair * 32) + mix16(input, size - (pair + 1) * 16, pair * 32 + 16);
  }
  return avalanche(hash & MASK);
}

function hashTo240(input: Input): bigint {
  const { size } = input;
  let hash = (BigInt(size) * PRIME64_1) & MASK;
  for (let round = 0; round < 8; round++) hash += mix16(input, round * 16, round * 16);
  hash = avalanche(hash & MASK);
  for (let round = 8; round < size >> 4; round++) hash += mix16(input, round * 16, (round - 8) * 16 + 3);
  hash += mix16(input, size - 16, 136 - 17);
  return avalanche(hash & MASK);
}

function hashLong({ view, size }: Input): bigint {
  const lanes = new Lanes();
  const stripes = Math.floor((size - 1) / STRIPE);
  for (let stripe = 0; stripe < stripes; stripe++) {
    const inBlock = stripe % STRIPES_PER_BLOCK;
    lanes.add(view, stripe * STRIPE, inBlock * SECRET_STEP);
    if (inBlock === STRIPES_PER_BLOCK - 1) lanes.scramble();
  }
  lanes.add(view, size - STRIPE, SECRET.length - STRIPE - 7);
  const sums = lanes.toNumbers();
  let hash = (BigInt(size) * PRIME64_1) & MASK;
  for (let lane = 0; lane < LANES; lane += 2) {
    hash += fold(sums[lane]! ^ secret(11 + lane * 8), sums[lane + 1]! ^ secret(19 + lane * 8));
  }
  return avalanche(hash & MASK);
}

/** The eight accumulators of a long input, in halves of 32 bits: with bigints 9 MB would take a second. */
class Lanes {
  readonly #low = new Uint32Array(LANES);
  readonly #high = new Uint32Array(LANES);

  constructor() {
    const start = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1];
    for (const [lane, value] of start.entries()) {
      this.#low[lane] = Number(value & 0xffff_ffffn);
      this.#high[lane] = Number(value >> 32n);
    }
  }

  /** Processes a stripe. */
  add(view: DataView, at: number, secretAt: number): void {
    for (let lane = 0; lane < LANES; lane++) {
      const low = view.getUint32(at + lane * 8, true);
      const high = view.getUint32(at + lane * 8 + 4, true);
      const keyLow = (low ^ SECRET_VIEW.getUint32(secretAt + lane * 8, true)) >>> 0;
      const keyHigh = (high ^ SECRET_VIEW.getUint32(secretAt + lane * 8 + 4, true)) >>> 0;
      this.#plus(lane ^ 1, low, high);
      this.#plus(lane, Math.imul(keyLow, keyHigh) >>> 0, upperHalf(keyLow, keyHigh));
    }
  }

  scramble(): void {
    const prime = Number(PRIME32_1);
    for (let lane = 0; lane < LANES; lane++) {
      const at = SECRET.length - STRIPE + lane * 8;
      const [low, high] = [this.#low[lane]!, this.#high[lane]!];
      const mixedLow = (low ^ (high >>> 15) ^ SECRET_VIEW.getUint32(at, true)) >>> 0;
      const mixedHigh = (high ^ SECRET_VIEW.getUint32(at + 4, true)) >>> 0;
      this.#low[lane] = Math.imul(mixedLow, prime);
      this.#high[lane] = upperHalf(mixedLow, prime) + Math.imul(mixedHigh, prime);
    }
  }

  toNumbers(): readonly bigint[] {
    return Array.from(this.#low, (low, lane) => (BigInt(this.#high[lane]!) << 32n) | BigInt(low));
  }

  #plus(lane: number, low: number, high: number): void {
    const sum = this.#low[lane]! + low;
    this.#low[lane] = sum;
    this.#high[lane] = this.#high[lane]! + high + (sum > 0xffff_ffff ? 1 : 0);
  }
}

/** Bits 32 to 63 of the product of two 32-bit numbers. */
function upperHalf(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = (middle & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

function mix16(input: Input, at: number, secretAt: number): bigint {
  return fold(input.u64(at) ^ secret(secretAt), input.u64(at + 8) ^ secret(secretAt + 8));
}

/** Multiplies to 128 bits, and XORs both halves. */
function fold(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & MASK) ^ (product >> 64n);
}

function avalanche(hash: bigint): bigint {
  const mixed = ((hash ^ (hash >> 37n)) * PRIME_MX1) & MASK;
  return mixed ^ (mixed >> 32n);
}

/** The avalanche step of XXH64. */
function avalanche64(hash: bigint): bigint {
  const first = ((hash ^ (hash >> 33n)) * PRIME64_2) & MASK;
  const second = ((first ^ (first >> 29n)) * PRIME64_3) & MASK;
  return second ^ (second >> 32n);
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK;
}

function swap(value: bigint): bigint {
  let swapped = 0n;
  for (let rest = value, byte = 0; byte < 8; byte++, rest >>= 8n) swapped = (swapped << 8n) | (rest & 0xffn);
  return swapped;
}
