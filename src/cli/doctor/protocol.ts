/** Checks the forms in which a server takes and returns bytes, and the commands that zstash relies on. */
import { decodeBase64 } from "../../format/base64.ts";
import { sameBytes } from "../../bytes.ts";
import type { Examination, Row } from "./row.ts";
import { fail, ok, skip, warn } from "./row.ts";
import { JSON_BODY } from "./probe.ts";

/** Seconds that the doctor's key lives. */
const LIFETIME = 60;
/** Every byte once: bytes that are read as text on the way do not come back unchanged. */
const ALL_BYTES: Uint8Array<ArrayBuffer> = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** Runs the checks one after another: later ones read the key that the first one writes. */
export async function checkProtocol(examination: Examination): Promise<readonly Row[]> {
  return [
    await rawBodies(examination),
    await resp2(examination),
    await base64(examination),
    await pipelines(examination),
    await transactions(examination),
    await scripts(examination),
    await digest(examination),
  ];
}

async function rawBodies({ probe, key, readOnly, learned }: Examination): Promise<Row> {
  const name = "raw bodies";
  if (readOnly) return skip(name, "not tried (--read-only)");
  const answer = await probe.send({
    path: `/set/${key}?EX=${LIFETIME}`,
    body: ALL_BYTES,
    headers: { "content-type": "application/octet-stream" },
  });
  learned.writes = !answer.text.includes("NOPERM");
  if (!learned.writes) return skip(name, "not tried: the token may only read");
  if (answer.status === 200 && answer.text.includes("OK")) {
    learned.rawBodies = true;
    return ok(name, "taken: bytes go up as they are");
  }
  const asText = await probe.command(["SET", key, "zstash", "EX", LIFETIME]);
  if ("error" in asText) {
    learned.writes = false;
    return fail(
      name,
      `nothing can be written: ${asText.error}`,
      "Check the token, and whether the database is full",
    );
  }
  learned.rawBodies = false;
  return warn(
    name,
    `refused: ${probe.reasonOf(answer)}. Values go up in base64, a third longer, and none above 2 MiB compressed can be stored`,
    "Let POST /set/<key> with a body of any type through, if a proxy or a gateway stands between",
  );
}

async function resp2({ probe, key, learned }: Examination): Promise<Row> {
  const name = "RESP2";
  const answer = await probe.send({
    body: JSON.stringify(["GET", key]),
    headers: { ...JSON_BODY, "upstash-response-format": "resp2" },
  });
  const { bytes, status } = answer;
  const isResp = status === 200 && bytes[0] === 0x24;
  learned.resp2 = isResp;
  const advice = "Let the header Upstash-Response-Format through, if a proxy or a gateway stands between";
  if (!isResp) return warn(name, "not spoken: values come down in base64 in JSON, a third longer", advice);
  if (learned.rawBodies !== true) return ok(name, "spoken: replies come as they are");
  if (sameBytes(bytes.subarray(6, 6 + ALL_BYTES.length), ALL_BYTES))
    return ok(name, "spoken: all 256 bytes came back as they were");
  learned.resp2 = false;
  return fail(name, "spoken, but bytes do not come back as they were sent", `${advice}: it changes bodies`);
}

async function base64({ probe, key, learned }: Examination): Promise<Row> {
  const name = "base64";
  const expected = learned.rawBodies === true ? ALL_BYTES : new TextEncoder().encode("zstash");
  const command = learned.writes === true ? ["GET", key] : ["ECHO", "zstash"];
  const { text } = await probe.send({
    body: JSON.stringify(command),
    headers: { ...JSON_BODY, "upstash-encoding": "base64" },
  });
  const result = /^\{\s*"result"\s*:\s*"([^"]*)"/.exec(text)?.[1];
  const bytes = result === undefined ? undefined : decodeBase64(result);
  learned.base64 = bytes !== undefined && sameBytes(bytes, expected);
  if (learned.base64)
    return ok(name, learned.resp2 === true ? "spoken: clients of the SDK read bytes so" : "spoken");
  const found = "replies are not encoded: bytes are lost in JSON";
  if (learned.resp2 === true) return warn(name, found, "Use zstash/redis or a store, which speak RESP2");
  return fail(name, found, 'Use the text carrier: withCompression(redis), or carrier: "text"');
}

async function pipelines({ probe, learned }: Examination): Promise<Row> {
  const refusal = await probe.refusal("/pipeline", [["PING"], ["ECHO", "zstash"]]);
  learned.pipelines = refusal === undefined;
  if (refusal === undefined) return ok("pipelines", "taken");
  return fail(
    "pipelines",
    `POST /pipeline is refused: ${refusal}`,
    "Auto-pipelining of @upstash/redis needs it: set enableAutoPipelining: false, or let the path through",
  );
}

async function transactions({ probe, learned, key }: Examination): Promise<Row> {
  const name = "transactions";
  const refusal = await probe.refusal("/multi-exec", [["PING"], ["STRLEN", key]]);
  learned.transactions = refusal === undefined;
  if (refusal === undefined) return ok(name, "taken: large values are published by one");
  if (refusal.includes("NOPERM")) return skip(name, "not tried: the token may only read");
  return fail(
    name,
    `POST /multi-exec is refused: ${refusal}. No value above 2 MiB compressed can be stored`,
    "Let the path through, if a proxy or a gateway stands between",
  );
}

async function scripts({ probe, learned }: Examination): Promise<Row> {
  const readOnly = await probe.command(["EVAL_RO", "return 1", 0]);
  learned.scripts = "result" in readOnly;
  if (learned.scripts)
    return ok("scripts", "run (EVAL_RO): parts of a value are read in one instant by them");
  const refused =
    "error" in readOnly && readOnly.error.includes("NOPERM") ? "refused to this token" : "refused";
  return ok("scripts", `${refused}; transactions do the same, and parts of values come in base64`);
}

async function digest({ probe, key, learned, readOnly }: Examination): Promise<Row> {
  const name = "DIGEST, IFDEQ";
  const answer = await probe.command(["DIGEST", key]);
  if ("error" in answer) {
    learned.digest = false;
    return learned.scripts === true
      ? ok(name, "unknown (Redis before 8.4); scripts compare instead")
      : warn(
          name,
          "unknown, and there are no scripts: values that others wrote are only read whole",
          "Store large values with zstash, which gives them a version",
        );
  }
  if (readOnly || learned.writes !== true || typeof answer.result !== "string") {
    learned.digest = true;
    return ok(name, "DIGEST is known; IFDEQ was not tried");
  }
  const set = await probe.command(["SET", key, "zstash", "EX", LIFETIME, "IFDEQ", answer.result]);
  learned.digest = "result" in set && set.result === "OK";
  return learned.digest
    ? ok(name, "known: values are compared and set without a script")
    : ok(name, "DIGEST is known, SET … IFDEQ is not; scripts compare instead");
}
