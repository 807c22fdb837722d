# Tocsin as an image. Node runs the TypeScript sources as they are, so nothing is built: only installed.
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
COPY --from=packages /app/node_modules /app/node_modules
COPY package.json LICENSE* /app/
COPY src /app/src
# Places to mount: rules and connection side by side under /rules, and the state, which relative paths start from.
RUN mkdir -p /rules/rules /rules/deploy /var/lib/tocsin && chown node:node /var/lib/tocsin
WORKDIR /var/lib/tocsin
VOLUME /var/lib/tocsin
USER node
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/src/main.ts"]
CMD ["run", "/rules"]
