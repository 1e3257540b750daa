/** HSETEX, HGETEX, HGETDEL and HEXPIRE for a redis-server older than 8: a proxy that sends scripts in their place. */
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { writeCommand } from "../../../src/rest/resp-writer.ts";
import { RespParser, type RespValue } from "../../../src/rest/resp.ts";
import type { RedisServer } from "../redis.ts";

/** Where FIELDS is among the arguments; fields and values follow their number. */
const FIND_FIELDS = `
local at = 1
while at <= #ARGV and string.upper(ARGV[at]) ~= 'FIELDS' do
  local option = string.upper(ARGV[at])
  if option == 'EX' or option == 'PX' or option == 'EXAT' or option == 'PXAT' then at = at + 1 end
  at = at + 1
end
local count = tonumber(ARGV[at + 1])
`;

/** Times to live of fields are taken and forgotten: Redis 7 has none. */
const scripts: Readonly<Record<string, string>> = {
  HSETEX: `${FIND_FIELDS}
if not count or #ARGV ~= at + 1 + 2 * count then return redis.error_reply('ERR wrong number of arguments') end
for option = 1, at - 1 do
  for field = at + 2, #ARGV, 2 do
    local there = redis.call('HEXISTS', KEYS[1], ARGV[field])
    local name = string.upper(ARGV[option])
    if (name == 'FNX' and there == 1) or (name == 'FXX' and there == 0) then return 0 end
  end
end
redis.call('HSET', KEYS[1], unpack(ARGV, at + 2))
return 1`,
  HGETEX: `${FIND_FIELDS}
if not count or #ARGV ~= at + 1 + count then return redis.error_reply('ERR wrong number of arguments') end
return redis.call('HMGET', KEYS[1], unpack(ARGV, at + 2))`,
  HGETDEL: `${FIND_FIELDS}
if not count or #ARGV ~= at + 1 + count then return redis.error_reply('ERR wrong number of arguments') end
local values = redis.call('HMGET', KEYS[1], unpack(ARGV, at + 2))
redis.call('HDEL', KEYS[1], unpack(ARGV, at + 2))
return values`,
  HEXPIRE: `${FIND_FIELDS}
local answers = {}
for field = at + 2, at + 1 + count do answers[#answers + 1] = redis.call('HEXISTS', KEYS[1], ARGV[field]) * 3 - 2 end
return answers`,
};

/** A Redis with these commands, in front of another. */
export interface HashProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts a proxy on a free port. Connections of its clients end with it. */
export async function startHashProxy(redis: RedisServer): Promise<HashProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(redis.port, redis.host);
    const commands = new RespParser();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      const other = socket === client ? upstream : client;
      socket.once("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.on("error", () => socket.destroy());
    }
    client.on("data", (chunk) => {
      for (const command of commands.push(chunk))
        upstream.write(writeCommand(translate(toArguments(command))));
    });
    upstream.pipe(client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function toArguments(command: RespValue): Uint8Array[] {
  if (command.kind !== "array" || command.items === null) throw new Error("a command is an array");
  return command.items.map((item) => {
    if (item.kind !== "bulk" || item.bytes === null) throw new Error("an argument is a bulk string");
    return item.bytes;
  });
}

function translate(command: readonly Uint8Array[]): readonly (Uint8Array | string)[] {
  const [name, key, ...rest] = command;
  if (name === undefined || key === undefined || name.length > 7) return command;
  const script = scripts[Buffer.from(name).toString().toUpperCase()];
  return script === undefined ? command : ["EVAL", script, "1", key, ...rest];
}
