// Long enough to be worth compressing, and no ASCII alone.
export const lines = Array.from({ length: 200 }, (_, line) => `Line ${line} – größer als ein Byte, 字節. `);
