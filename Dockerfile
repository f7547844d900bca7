# Entrepot in an image: `docker build --tag entrepot .`, or podman or buildah. docs/how-to/run-in-docker.md says more.
# The second image needs Debian's Python 3.11 and no shell.
ARG BUILD=docker.io/library/debian:12-slim
ARG RUN=gcr.io/distroless/python3-debian12:nonroot

FROM ${BUILD} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements-bootstrap.txt ./
RUN python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --require-hashes --requirement requirements-bootstrap.txt
# What is needed changes less often than what we write: a layer of its own.
COPY pyproject.toml uv.lock README.md LICENSE ./
ENV UV_PROJECT_ENVIRONMENT=/opt/entrepot UV_PYTHON=/usr/bin/python3 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy \
    UV_NO_CACHE=1
RUN /opt/uv/bin/uv sync --frozen --no-dev --all-extras --no-install-project --compile-bytecode
COPY src src
RUN /opt/uv/bin/uv sync --frozen --no-dev --all-extras --no-editable --compile-bytecode \
    && install --directory --owner=65532 --group=65532 --mode=0750 /data

FROM ${RUN}
LABEL org.opencontainers.image.title="Entrepot" \
      org.opencontainers.image.description="A self-hosted hub for every software artifact" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/entrepot /opt/entrepot
COPY --from=build --chown=65532:65532 /data /var/lib/entrepot
ENV PATH=/opt/entrepot/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    ENTREPOT_HOST=0.0.0.0 \
    ENTREPOT_DATA=/var/lib/entrepot
USER 65532:65532
WORKDIR /var/lib/entrepot
VOLUME /var/lib/entrepot
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["/opt/entrepot/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/readyz', timeout=4)"]
ENTRYPOINT ["/opt/entrepot/bin/entrepot"]
CMD ["serve"]
