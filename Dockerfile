# Symphony in one image: control plane, agent and command line.
#   docker build -t symphony .
#   docker run -v /var/lib/symphony:/var/lib/symphony -v /var/run/docker.sock:/var/run/docker.sock --network host --cap-add NET_ADMIN symphony up --repo URL --data-dir /var/lib/symphony
# The Engine must find the data directory under the same path. For Secrets in memory, emptyDirs in memory and sub-paths of volumes
# it must also see what the agent mounts there: `--privileged` and `:rshared` behind the directory. Without, such sub-paths are refused.
# Without `--network host` and NET_ADMIN there are no Services and no pods of other hosts, only ports of the host.
# Where no base image can be pulled: `node scripts/base-image.mjs` makes one, then
#   docker build --build-arg BASE_IMAGE=symphony.example/base:1 --network host -t symphony .
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN node scripts/generate.mjs && node scripts/build.mjs

FROM ${BASE_IMAGE}
RUN for program in redis-server git nft ip iptables conntrack arping caddy; do command -v $program >/dev/null || missing=yes; done; [ -z "$missing" ] \
 || (apt-get update && apt-get install -y --no-install-recommends ca-certificates caddy conntrack git iproute2 iptables iputils-arping nftables redis-server && rm -rf /var/lib/apt/lists/*)
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/bin ./bin
COPY --from=build /app/dist ./dist
VOLUME /data
EXPOSE 6443
ENTRYPOINT ["/bin/sh", "/app/bin/first-process.sh", "/app/bin/symphony"]
CMD ["--help"]
