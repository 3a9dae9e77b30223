# SPDX-License-Identifier: Apache-2.0
# Debian's Prometheus in the form of prom/prometheus, where that cannot be pulled. For tests.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/* && \
    rm -rf /etc/prometheus && mkdir -p /etc/prometheus /prometheus && chown nobody:nogroup /prometheus
USER nobody
EXPOSE 9090
VOLUME /prometheus
WORKDIR /prometheus
ENTRYPOINT ["prometheus"]
