/** Standard input and output as bytes, for the commands that read or write values through pipes. */

/** Bytes that come in chunks, like those of a Node stream: destroying it ends a pending read. */
export interface ByteChunks extends AsyncIterable<Uint8Array> {
  destroy(): unknown;
}

/** Where values come from and go to if no file is named. */
export interface StandardStreams {
  /** True if a person would have to type the input. */
  readonly inputIsTerminal: boolean;
  /** True if a person would have to read the output. */
  readonly outputIsTerminal: boolean;
  /** The input, which can be read once, in chunks as they come. */
  input(): ByteChunks;
  /** Writes to the output. Resolves when it can take more; to false if its reader has gone, as `head` does. */
  write(bytes: Uint8Array): Promise<boolean>;
}

/** Returns true for the error of an output that nobody reads any more. */
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
    // main.ts handles other failures of the output: they end the program.
    write: (bytes) => new Promise((resolve) => stdout.write(bytes, (error) => resolve(!isBrokenPipe(error)))),
  };
}
