/** Standard input and output as bytes, for the commands whose values go through pipes. */

/** Bytes that come in chunks, as of a stream of Node: destroying it ends a read that waits. */
export interface ByteChunks extends AsyncIterable<Uint8Array> {
  destroy(): unknown;
}

/** Where values come from and go to, where no file is named. */
export interface StandardStreams {
  /** True where somebody would have to type the input. */
  readonly inputIsTerminal: boolean;
  /** True where somebody would have to read the output. */
  readonly outputIsTerminal: boolean;
  /** The input, once, in chunks as they come. */
  input(): ByteChunks;
  /** Writes to the output. Resolves when it may take more, to false if its reader has gone, as `head` does. */
  write(bytes: Uint8Array): Promise<boolean>;
}

/** True for the error of an output that nobody reads any more. */
export function isBrokenPipe(error: NodeJS.ErrnoException | null | undefined): boolean {
  return error?.code === "EPIPE";
}

/** The streams of this process. */
export function standardStreams(): StandardStreams {
  const { stdin, stdout } = process;
  return {
    inputIsTerminal: stdin.isTTY,
    outputIsTerminal: stdout.isTTY,
    input: () => stdin,
    // Other failures of the output end the program, in main.ts.
    write: (bytes) => new Promise((resolve) => stdout.write(bytes, (error) => resolve(!isBrokenPipe(error)))),
  };
}
