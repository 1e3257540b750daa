/** Samples to train dictionaries on: sessions with what is rare and what is everybody's, by a seed. */
import { randomOf } from "./data.ts";

const names = ["ada", "alan", "barbara", "cornel", "edsger", "frances", "grace", "hedy", "ida", "radia"];
const pages = ["/", "/pricing", "/docs/getting-started", "/account/billing", "/checkout"];

/** Records of sessions as JSON: each has an id, an e-mail address and a token that no other has. */
export function sessionRecords(count: number, seed = 7): string[] {
  const random = randomOf(seed);
  const hex = (): string => random().toString(16).padStart(8, "0");
  return Array.from({ length: count }, (_, number) =>
    JSON.stringify({
      session: `${hex()}${hex()}${hex()}`,
      user: {
        id: number,
        email: `${names[random() % names.length]}.${hex()}@example.com`,
        roles: ["editor", "owner"],
      },
      plan: ["free", "pro", "team"][random() % 3],
      lastPage: pages[random() % pages.length],
      userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
      createdAt: new Date(1764000000000 + (random() % 2 ** 30)).toISOString(),
      token: `${hex()}${hex()}`,
      flags: { beta: random() % 2 === 0, dark: random() % 2 === 0 },
    }),
  );
}

/** Events of sixty shapes, most of them rare. */
export function eventRecords(count: number, seed = 8): string[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, () => {
    const shape = Math.floor(60 / (1 + (random() % 60)));
    const members = Array.from({ length: 3 + (shape % 5) }, (_, member) => [
      `${names[(shape + member) % names.length]}_${shape}_${member}`,
      [random() % 1000, random() % 2 === 0, `state-${random() % 7}`][(shape + member) % 3],
    ]);
    return JSON.stringify({ event: `shape.${shape}`, ...Object.fromEntries(members) });
  });
}
