// How often a path of the counting server was asked for.

export async function visit(path) {
  const response = await fetch(`${process.env.VISITS}/${path}`, { cache: "no-store" });
  return response.text();
}
