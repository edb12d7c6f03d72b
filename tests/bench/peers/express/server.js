// A peer: company sign-in as the README of express-openid-connect shows it. One call to the provider for each sign-in
// (the token endpoint); sessions in its cookie, or in Redis where BENCH_REDIS names one. The page is one line.
"use strict";

const express = require("express");
const { auth, requiresAuth } = require("express-openid-connect");
const { RedisStore } = require("connect-redis");
const { createClient } = require("redis");

async function storeOf(url) {
  const client = createClient({ url });
  await client.connect();
  return new RedisStore({ client, prefix: "express:" });
}

async function main(environment) {
  const { BENCH_PORT: port, BENCH_ISSUER: issuer, BENCH_REDIS: redis } = environment;
  const app = express();
  app.use(
    auth({
      issuerBaseURL: issuer,
      baseURL: `http://127.0.0.1:${port}`,
      clientID: environment.BENCH_CLIENT_ID,
      clientSecret: environment.BENCH_CLIENT_SECRET,
      clientAuthMethod: "client_secret_basic",
      secret: "a secret of the benchmark, of no use elsewhere",
      authRequired: false,
      authorizationParams: { response_type: "code", scope: "openid profile email offline_access" },
      routes: { login: false },
      session: redis ? { store: await storeOf(redis) } : {},
    }),
  );
  app.get("/login", (request, response) => response.oidc.login({ returnTo: "/softphone" }));
  app.get("/softphone", requiresAuth(), (request, response) => {
    response.send(`<!doctype html><title>Phone</title><p>Signed in as ${request.oidc.user.email}.</p>`);
  });
  app.get("/session", requiresAuth(), (request, response) => {
    response.json({ account_name: request.oidc.user.email });
  });
  app.listen(Number(port), "127.0.0.1");
}

main(process.env);
