/** Where the pages of the documentation lie: they come with the package, and a program of npx has no other copy. */
import { fileURLToPath } from "node:url";

/** The path of a page of docs/, which is two folders up both from src/cli and from dist/cli and dist/chunks. */
export function docsPage(name: string): string {
  return fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
}
