// The clients of all carriers.
import { client as raw } from "./raw.js";
import { client as stock } from "./stock.js";
import { client as store } from "./store.js";
import { client as text } from "./text.js";

export const clients = { stock, text, raw, store };
