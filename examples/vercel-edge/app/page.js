export default function Page() {
  return (
    <p>
      <a href="/reports/2026">The report as JSON</a>, <a href="/reports/2026/saved">what Redis saves by it</a>
      , or <a href="/api">a value that the stock client stores and reads back</a>
    </p>
  );
}
