# The system as containers; see docker-compose.yml. All run as user 5060 on a root they cannot write.
# The bases are pinned by the day they were made. By digest:  --build-arg BASE=docker.io/library/debian@sha256:…
ARG BASE=docker.io/library/debian:bookworm-20260824-slim
# Debian's stable releases have no Asterisk any more; unstable has.
ARG ASTERISK_BASE=docker.io/library/debian:sid-20260824-slim


FROM ${ASTERISK_BASE} AS asterisk
# The branch of Asterisk that this version was tested with: another one must be wanted, not met.
ARG ASTERISK=22
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends asterisk asterisk-core-sounds-en-wav \
    && rm -rf /var/lib/apt/lists/* \
    && asterisk -V | cut -d ' ' -f 2 > /asterisk-version \
    && { grep -q "^${ASTERISK}\." /asterisk-version \
        || { echo "Debian has Asterisk $(cat /asterisk-version) now: build with --build-arg ASTERISK=…" >&2; exit 1; }; } \
    && groupadd --gid 5060 pbxb && useradd --uid 5060 --gid 5060 --no-create-home --home-dir /nonexistent pbxb \
    && install -d -o 5060 -g 5060 /data /data/asterisk
COPY --chmod=0755 tools/containers/asterisk.sh /usr/local/bin/asterisk-container
USER 5060:5060
CMD ["asterisk-container"]


FROM ${BASE} AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates python3-venv
WORKDIR /src
COPY constraints/run.txt constraints/
RUN python3 -m venv /opt/pbx-bridge \
    && /opt/pbx-bridge/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r constraints/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY tools/monitoring tools/monitoring
COPY tools/systemd tools/systemd
COPY asterisk-conf asterisk-conf
COPY pbx_bridge pbx_bridge
RUN /opt/pbx-bridge/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --no-index . \
    && /opt/pbx-bridge/bin/python -m compileall -q /opt/pbx-bridge/lib/python3*/site-packages/pbx_bridge


FROM ${BASE} AS database
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /usr/lib/postgresql/*/bin /opt/postgresql \
    && groupadd --gid 5060 pbxb && useradd --uid 5060 --gid 5060 --no-create-home --home-dir /nonexistent pbxb \
    && install -d -o 5060 -g 5060 -m 0700 /data /data/database /secret
COPY --chmod=0755 tools/containers/database.sh /usr/local/bin/database-container
ENV PATH=/opt/postgresql:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
USER 5060:5060
# PostgreSQL's fast shutdown: open transactions are rolled back, nothing that was committed is lost.
STOPSIGNAL SIGINT
CMD ["database-container"]


FROM ${BASE} AS bridge
# postgresql-client: `pbx-bridge backup` of a store on PostgreSQL is pg_dump's.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3 espeak-ng sox postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 5060 pbxb && useradd --uid 5060 --gid 5060 --no-create-home --home-dir /nonexistent pbxb \
    && install -d -o 5060 -g 5060 /data /data/asterisk \
    && install -d -o 5060 -g 5060 -m 0700 /secret
COPY --from=build /opt/pbx-bridge /opt/pbx-bridge
COPY --from=asterisk /asterisk-version /asterisk-version
COPY --chmod=0644 tools/containers/keep.py /usr/local/lib/pbx-bridge/keep.py
COPY --chmod=0755 tools/containers/bridge.sh /usr/local/bin/bridge-container
ENV PATH=/opt/pbx-bridge/bin:/usr/local/bin:/usr/bin:/bin PBX_BRIDGE_HOME=/data PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8
USER 5060:5060
CMD ["bridge-container"]
