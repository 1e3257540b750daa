export default function Page() {
  return <p>alive</p>;
}
