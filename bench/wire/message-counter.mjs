/** A counter of the bytes of HTTP messages. */

const END = Buffer.from("\r\n\r\n");

/** Counts the bytes of HTTP/1.1 messages in one direction of a connection, heads and bodies apart. */
export class MessageCounter {
  #count;
  #head = Buffer.alloc(0);
  #bodyLeft = 0;

  /** @param {{ heads: number, bodies: number }} count Is added to. */
  constructor(count) {
    this.#count = count;
  }

  /**
   * @param {Buffer} chunk
   * @throws {Error} where a message has no content-length: its end is not known
   */
  push(chunk) {
    while (chunk.length > 0) {
      if (this.#bodyLeft > 0) {
        const part = Math.min(this.#bodyLeft, chunk.length);
        this.#count.bodies += part;
        this.#bodyLeft -= part;
        chunk = chunk.subarray(part);
        continue;
      }
      this.#head = Buffer.concat([this.#head, chunk]);
      const end = this.#head.indexOf(END);
      if (end === -1) return;
      const size = end + END.length;
      const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(this.#head.toString("latin1", 0, size));
      if (length === null) throw new Error("Cannot count: a message has no content-length");
      this.#count.heads += size;
      this.#bodyLeft = Number(length[1]);
      chunk = this.#head.subarray(size);
      this.#head = Buffer.alloc(0);
    }
  }
}
