// The page that says that the server is up.

export default function Page() {
  return <p>alive</p>;
}
