# SPDX-License-Identifier: Apache-2.0
# Images of Bitsweep: docker build --target server|worker|cli .      (BuildKit; docs/deployment.md)
#
#   --build-arg VERSION=0.1.0 REVISION=$(git rev-parse --short=12 HEAD)   what the labels and --version say
#   --build-arg BASE_IMAGE=debian:bookworm-slim@sha256:...                another base, or this one by digest
#   --build-arg CCACHE_IMAGE=IMAGE SOURCE_DIR=FOLDER [LANG=...]           an image that is a ccache folder, filled by
#                                                                         builds in FOLDER: nothing is compiled twice
ARG BASE_IMAGE=debian:bookworm-slim
ARG CCACHE_IMAGE=scratch

FROM ${CCACHE_IMAGE} AS ccache

# ---- Build -------------------------------------------------------------------------------------------------------------
FROM ${BASE_IMAGE} AS build-packages
COPY deploy/install-deps.sh /opt/bitsweep/deploy/
RUN /opt/bitsweep/deploy/install-deps.sh && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# What reports draw with, from npm. Where a proxy opens TLS: --secret id=ca,src=BUNDLE_OF_AUTHORITIES.
FROM build-packages AS report-packages
WORKDIR /opt/bitsweep/report
COPY client/report/package.json client/report/package-lock.json ./
RUN --mount=type=secret,id=ca,target=/run/authorities.pem \
    if [ -s /run/authorities.pem ]; then export NODE_EXTRA_CA_CERTS=/run/authorities.pem; fi && \
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

FROM build-packages AS build-server
COPY --from=report-packages /opt/bitsweep/report/node_modules /opt/bitsweep/report/node_modules
ARG SOURCE_DIR=/src/bitsweep
ARG REVISION=
ARG LANG=C.UTF-8
WORKDIR ${SOURCE_DIR}
COPY . .
ENV CCACHE_DIR=/ccache
RUN --mount=type=cache,id=bitsweep-ccache,target=/ccache,from=ccache,sharing=locked \
    ccache --zero-stats && cmake --preset release -DBITSWEEP_TESTS=OFF -DBITSWEEP_REVISION="${REVISION}" \
      -DBITSWEEP_NODE_MODULES=/opt/bitsweep/report/node_modules && \
    cmake --build --preset release --target bitsweep-server bitsweep && \
    mkdir /out && strip -o /out/bitsweep-server build/release/bin/bitsweep-server && \
    strip -o /out/bitsweep build/release/bin/bitsweep && ccache --show-stats

FROM build-server AS build-worker
RUN --mount=type=cache,id=bitsweep-ccache,target=/ccache,from=ccache,sharing=locked \
    ccache --zero-stats && cmake --build --preset release --target bitsweep-worker && \
    strip -o /out/bitsweep-worker build/release/bin/bitsweep-worker && ccache --show-stats

# ---- Run ---------------------------------------------------------------------------------------------------------------
# What every program links (ldd, dpkg -S), and the user they run as: the owner of volumes, so its number is fixed.
FROM ${BASE_IMAGE} AS runtime
RUN apt-get update && apt-get install -y --no-install-recommends \
      libabsl20220623 libfmt9 libgrpc++1.51 libgrpc29 libprotobuf32 libspdlog1.10 libssl3 libtomlplusplus3 \
      ca-certificates && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* && \
    groupadd --gid 10001 bitsweep && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bitsweep && \
    mkdir -p /usr/share/bitsweep && dpkg-query -W >/usr/share/bitsweep/packages
COPY LICENSE deploy/debian/copyright /usr/share/doc/bitsweep/
LABEL org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.vendor="Bitsweep"
STOPSIGNAL SIGTERM

FROM runtime AS cli
RUN apt-get update && apt-get install -y --no-install-recommends libarchive13 libonnx1 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* && \
    dpkg-query -W >/usr/share/bitsweep/packages
COPY --from=build-server /out/bitsweep /usr/bin/
RUN bitsweep --version
USER 10001:10001
ENTRYPOINT ["bitsweep"]
CMD ["--help"]
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="bitsweep" \
      org.opencontainers.image.description="The command line of Bitsweep" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM runtime AS server
RUN apt-get update && apt-get install -y --no-install-recommends libarchive13 libonnx1 libprometheus-cpp-pull1.0 libsqlite3-0 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* && \
    dpkg-query -W >/usr/share/bitsweep/packages && \
    install -d -o 10001 -g 10001 -m 0750 /data
COPY --from=build-server /out/bitsweep-server /out/bitsweep /usr/bin/
RUN bitsweep-server --version && bitsweep --version
# It listens for others, and so does not start without a certificate and tokens, or --insecure (docs/deployment.md).
# Without more said, docker stop waits 10 seconds: less than that for calls under way.
ENV BITSWEEP_LISTEN=0.0.0.0:50051 BITSWEEP_METRICS_LISTEN=0.0.0.0:9464 BITSWEEP_DATA_DIR=/data BITSWEEP_GRACE=8s
VOLUME /data
EXPOSE 50051 9464
USER 10001:10001
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["bitsweep", "server", "health"]
ENTRYPOINT ["bitsweep-server"]
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="bitsweep-server" \
      org.opencontainers.image.description="The queue, the API and the store of Bitsweep" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# Debian's LibTorch links OpenCV and so half of a desktop. Of that, 220 MB only serve drawing windows and maps and are
# never loaded here: a package that provides their names stands in for them.
FROM runtime AS worker
RUN mkdir -p /tmp/no-desktop/DEBIAN && \
    printf '%s\n' 'Package: bitsweep-no-desktop' 'Version: 1' 'Architecture: all' 'Maintainer: Bitsweep' \
      'Provides: libgl1-mesa-dri, proj-data (= 9.1.1-1), iso-codes, xkb-data, shared-mime-info, fonts-dejavu-core, gdal-data' \
      'Description: stands in for what LibTorch depends on and never loads here' >/tmp/no-desktop/DEBIAN/control && \
    dpkg-deb --build /tmp/no-desktop && dpkg -i /tmp/no-desktop.deb && rm -r /tmp/no-desktop* && \
    apt-get update && apt-get install -y --no-install-recommends \
      libcpp-httplib0.11 libhdf5-103-1 libhwy1 libprometheus-cpp-core1.0 libtorch1.13 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* && \
    dpkg-query -W >/usr/share/bitsweep/packages && \
    mkdir /datasets
COPY --from=build-worker /out/bitsweep-worker /usr/bin/
RUN bitsweep-worker --version
ENV BITSWEEP_SERVER=server:50051 BITSWEEP_METRICS_LISTEN=0.0.0.0:9465 BITSWEEP_DATA_ROOT=/datasets BITSWEEP_GRACE=8s
EXPOSE 9465
USER 10001:10001
# 200 while the server answers the worker. There is no curl in here, but there is bash.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/9465 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ code _ <&3 && [ $code = 200 ]"]
ENTRYPOINT ["bitsweep-worker"]
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="bitsweep-worker" \
      org.opencontainers.image.description="Trains and runs passes for a server of Bitsweep" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
