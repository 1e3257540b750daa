// What the pages do with a client of @upstash/redis, whoever made it.

/** One object for every carrier; `hooked` is the same client with a middleware that runs `hook` first. */
export function clientOf(redis, create) {
  return {
    read: (key) => redis.get(key),
    write: (key, value) => redis.set(key, value),
    count: (key) => redis.incr(key),
    hooked(hook) {
      const other = create();
      other.use((request, next) => {
        hook();
        return next(request);
      });
      return clientOf(other, create);
    },
  };
}
