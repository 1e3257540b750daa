// The page that shows that the server is up.

export default function Page() {
  return <main>value=home;</main>;
}
