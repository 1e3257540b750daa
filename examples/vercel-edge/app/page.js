export default function Page() {
  return <a href="/api">store a report and read it back</a>;
}
