# syntax=docker/dockerfile:1
# Gatepost in an image that holds its binary, the C library, authorities' certificates, and nothing else: no shell, no root.
# Reproducible as far as one file can say it: exact versions of tool chain and crates (Cargo.lock), no paths or times of
# the building machine. Base images are pinned by their exact tag; pin them by digest where your registry shows one.

FROM rust:1.95.0-bookworm AS build
WORKDIR /src
ENV CARGO_INCREMENTAL=0 \
    SOURCE_DATE_EPOCH=0 \
    RUSTFLAGS="--remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo"
COPY . .
RUN cargo build --locked --profile dist --bin gatepost
# What the binary is linked against, in the places where it looks for it. glibc 2.36 reads hosts and DNS without plug-ins.
RUN set -eu; mkdir -p /image/usr/local/bin /image/etc/ssl/certs /image/tmp /image/var/lib/gatepost; \
    cp target/dist/gatepost /image/usr/local/bin/; \
    ldd target/dist/gatepost | grep -o '/[^ ]*' | while read -r library; do cp -L --parents "$library" /image/; done; \
    cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/; \
    printf 'hosts: files dns\n' >/image/etc/nsswitch.conf; \
    printf 'gatepost:x:10001:10001::/var/lib/gatepost:/sbin/nologin\n' >/image/etc/passwd; \
    printf 'gatepost:x:10001:\n' >/image/etc/group; \
    chmod 1777 /image/tmp; chown 10001:10001 /image/var/lib/gatepost; \
    find /image -exec touch --no-dereference --date=@0 {} +

# The jobs `backup`, `restore` and `drill` of docker-compose.hetzner.yml: Postgres' programs, age for encrypted dumps, and the
# binary that examines what was restored. The base has the C library that the binary is linked against.
FROM postgres:18.6-bookworm AS backup
RUN apt-get update && apt-get install --yes --no-install-recommends age && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/dist/gatepost /usr/local/bin/gatepost

FROM scratch
COPY --from=build /image/ /
USER 10001:10001
WORKDIR /var/lib/gatepost
EXPOSE 4180 4181
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["gatepost", "healthcheck"]
ENV PATH=/usr/local/bin
ENTRYPOINT ["gatepost"]
CMD ["serve"]
