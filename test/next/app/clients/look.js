// What every page shows: the word that lies in Redis now, and how often this kind of page has asked.

/** Reads the carrier's word and counts the visit. Value and count are named so that the test finds them in any page. */
export async function look(client, carrier, kind) {
  const value = await client.read(`${carrier}:${kind}:value`);
  const count = await client.count(`${carrier}:${kind}:count`);
  return `value=${value?.word} count=${count ?? "none"};`;
}
