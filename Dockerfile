# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/troupe
ENV PATH=/opt/troupe/bin:$PATH
WORKDIR /src
# The dependencies first: this layer changes only with the lock file. Each download is checked against its hash.
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY troupe_batch troupe_batch
RUN pip install --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --create-home --uid 10001 troupe && install -d -o troupe -g troupe /runs /app \
    && install -d -o troupe -g troupe -m 700 /flower
COPY --from=build /opt/troupe /opt/troupe
# pip has compiled what it installed; the image of Python comes without byte code, and this user could not keep it.
RUN python -m compileall -q -x '/(test|site-packages|lib2to3)/' "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
ENV PATH=/opt/troupe/bin:$PATH PYTHONUNBUFFERED=1
# Memory that is free goes back to the system; see LEAN_MEMORY in troupe_batch/dispatch/worker_processes.py.
ENV ARROW_DEFAULT_MEMORY_POOL=system MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072
USER troupe
WORKDIR /app
VOLUME /runs
CMD ["troupe", "--help"]
