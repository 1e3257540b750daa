// The report of a year: visits and temperature of every hour, the same at every call. It stands for whatever is dear to
// make, and is kept in Redis for that reason.

const pages = ["/", "/pricing", "/docs", "/docs/serving", "/blog", "/sign-in"];

/**
 * About 900 KB of JSON.
 *
 * @param {string} year four digits
 */
export function buildReport(year) {
  let seed = Number(year);
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const start = Date.UTC(Number(year), 0);
  const count = (Date.UTC(Number(year) + 1, 0) - start) / 3_600_000;
  const hours = Array.from({ length: count }, (_, index) => {
    const time = new Date(start + index * 3_600_000);
    const daylight = Math.sin(((time.getUTCHours() - 6) * Math.PI) / 12);
    return {
      time: time.toISOString(),
      visits: Math.round(400 + 300 * daylight + 120 * random()),
      page: pages[Math.floor(random() * pages.length)],
      temperature:
        Math.round(10 * (11 - 9 * Math.cos((index * 2 * Math.PI) / count) + 5 * daylight + random())) / 10,
    };
  });
  return JSON.stringify({ year: Number(year), hours });
}
