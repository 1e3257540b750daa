// Text of the pages: long enough to be worth compressing, and not ASCII alone.

export const lines = Array.from({ length: 200 }, (_, line) => `Line ${line} – größer als ein Byte, 字節. `);
