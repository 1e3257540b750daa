export default function Page() {
  return <main>value=home;</main>;
}
