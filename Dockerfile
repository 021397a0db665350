# The system as two containers; see docker-compose.yml. Both run as user 5060 on a root they cannot write.

FROM debian:sid-slim AS asterisk
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends asterisk asterisk-core-sounds-en-wav \
    && rm -rf /var/lib/apt/lists/* \
    && asterisk -V | cut -d ' ' -f 2 > /asterisk-version \
    && groupadd --gid 5060 pbxb && useradd --uid 5060 --gid 5060 --no-create-home --home-dir /nonexistent pbxb \
    && install -d -o 5060 -g 5060 /data /data/asterisk
COPY tools/asterisk-container.sh /usr/local/bin/asterisk-container
USER 5060:5060
CMD ["asterisk-container"]


FROM debian:bookworm-slim AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates python3-venv
WORKDIR /src
COPY constraints/run.txt constraints/
RUN python3 -m venv /opt/pbx-bridge \
    && /opt/pbx-bridge/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r constraints/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY asterisk-conf asterisk-conf
COPY pbx_bridge pbx_bridge
RUN /opt/pbx-bridge/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --no-index .


FROM debian:bookworm-slim AS bridge
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 espeak-ng sox \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 5060 pbxb && useradd --uid 5060 --gid 5060 --no-create-home --home-dir /nonexistent pbxb \
    && install -d -o 5060 -g 5060 /data /data/asterisk
COPY --from=build /opt/pbx-bridge /opt/pbx-bridge
COPY --from=asterisk /asterisk-version /asterisk-version
COPY tools/bridge-container.sh /usr/local/bin/bridge-container
ENV PATH=/opt/pbx-bridge/bin:/usr/local/bin:/usr/bin:/bin PBX_BRIDGE_HOME=/data PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8
USER 5060:5060
CMD ["bridge-container"]
