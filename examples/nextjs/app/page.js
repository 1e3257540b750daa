// A page rendered on the server from the same stored report.
import { handle } from "../reports.js";

export const dynamic = "force-dynamic";

const months = Array.from({ length: 12 }, (_, month) =>
  new Date(Date.UTC(2026, month)).toLocaleString("en", { month: "long", timeZone: "UTC" }),
);

export default async function Page() {
  const { hours } = await (await handle(new Request("http://localhost/reports/2026"))).json();
  const totals = months.map(() => 0);
  for (const { time, visits } of hours) totals[new Date(time).getUTCMonth()] += visits;
  return (
    <main>
      <h1>Visits in 2026</h1>
      <table>
        <tbody>
          {months.map((month, index) => (
            <tr key={month}>
              <th scope="row" style={{ textAlign: "start", paddingInlineEnd: "2rem" }}>
                {month}
              </th>
              <td style={{ textAlign: "end" }}>{totals[index].toLocaleString("en")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        <a href="/api/reports/2026">The report as JSON</a>,{" "}
        <a href="/api/reports/2026/saved">what Redis saves by it</a>
      </p>
    </main>
  );
}
