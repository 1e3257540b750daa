// What `#sdk` of package.json means to bundlers that take the target of a package's own import for a file of the package
// (Turbopack of Next.js 14 and 15). All others go to the SDK at once and never see this file.
export * from "@upstash/redis/node";
